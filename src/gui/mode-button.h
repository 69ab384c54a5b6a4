/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pill in the header that says in which state the firewall is (learning, enforcement, a pause with its countdown), and its menu, which changes that. */
#pragma once

#include <adwaita.h>

#include "gui/link.h"

#define BASTION_TYPE_MODE_BUTTON (bastion_mode_button_get_type())
G_DECLARE_FINAL_TYPE(BastionModeButton, bastion_mode_button, BASTION, MODE_BUTTON, AdwBin)

void bastion_mode_button_set_link(BastionModeButton *button, BastionLink *link); /* once */
