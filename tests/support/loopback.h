/*
 * TCP over the loopback interface, on ports that the kernel chooses.
 *
 * What does not work ends the test. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* A socket that listens; its port goes to *PORT. */
int loopback_listen(unsigned *port);
/* Both ends of a connection: fds[0] has connected, fds[1] was accepted. */
void loopback_pair(int fds[2]);
