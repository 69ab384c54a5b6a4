/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one object of kernel programs: hooks (connect.h), the life of tags (life.h), the gate (gate.h) and DNS answers (dns.h) over the same maps (maps.h). One
 * translation unit, because static functions and maps are then shared without a linking step. The licence line is the kernel's: some
 * helpers are for GPL-compatible programs only.
 */
#include "connect.h"
#include "life.h"
#include "gate.h"

char LICENSE[] SEC("license") = "GPL";
