/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program as a reader: `bastion log` starts it to search history, so that SQLite is linked into nothing else and never reads a file as root.
 *
 *      bastion-recorder --query FOLDER LIMIT [fold | timeline=PIECES] [KEY=VALUE …]      (wire/search.h)
 *
 * Prints what is found on standard output, a line each; with `fold` summaries of what differs in nothing but time and process (fold.h); with `timeline`
 * how much of it there was when (timeline.h; `since` and `until` say of which time). Words about trouble go to standard error. Root makes the folder its root directory and
 * becomes the folder's owner first, whom the recorder runs as: a file that SQLite has to make beside the database is then the recorder's own.
 * Others read as what they are, if the folder's mode lets them. Afterwards only the recorder's system calls are left.
 */
#pragma once

/* `argv`: what follows --query. An exit code, one of enum search_exit (wire/search.h). */
int reader_main(int argc, char **argv);
