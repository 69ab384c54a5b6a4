/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pkttyagent says that it is registered by closing a descriptor, which happens too when there is no such program or when it gives up: then
 * polkit answers without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/agent.h"

enum { REGISTER_MS = 5000, NUMBER_MAX = 16 };

/* In the child: `fd` is what it closes. An agent of the session goes before a fallback; but where there is no session polkit (122) looks at no
 * fallback either. */
static void exec_agent(pid_t process, int fd)
{
        char process_text[NUMBER_MAX], fd_text[NUMBER_MAX];

        snprintf(process_text, sizeof(process_text), "%d", (int)process);
        snprintf(fd_text, sizeof(fd_text), "%d", fd);
        execlp("pkttyagent", "pkttyagent", "--process", process_text, "--notify-fd", fd_text, getenv("XDG_SESSION_ID") ? "--fallback" : (char *)NULL,
               (char *)NULL);
        _exit(127);
}

pid_t agent_open(void)
{
        struct pollfd registered = {.events = POLLIN};
        const pid_t self = getpid();
        int ends[2];
        pid_t agent;

        if (geteuid() == 0 || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || pipe2(ends, 0) < 0)
                return 0;
        agent = fork();
        if (agent == 0) {
                close(ends[0]);
                exec_agent(self, ends[1]);
        }
        close(ends[1]);
        registered.fd = ends[0];
        while (agent > 0 && poll(&registered, 1, REGISTER_MS) < 0 && errno == EINTR)
                ;
        close(ends[0]);
        return agent > 0 ? agent : 0;
}

/* SIGTERM, by which it puts the terminal back as it was; SIGCONT, should it be stopped. */
void agent_close(pid_t *agent)
{
        if (*agent > 0) {
                kill(*agent, SIGTERM);
                kill(*agent, SIGCONT);
                while (waitpid(*agent, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        *agent = 0;
}
