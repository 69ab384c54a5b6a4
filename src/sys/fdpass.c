/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "sys/fdpass.h"

/* Aligned as the kernel's macros want it. */
union control {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
};

int fdpass_send(int socket, const void *data, size_t n, int fd, int flags)
{
        struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        union control control = { 0 };

        if (fd >= 0) {
                struct cmsghdr *header = &control.align;

                message.msg_control = &control;
                message.msg_controllen = sizeof(control.bytes);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(sizeof(fd));
                memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        }
        while (sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int take_fd(struct msghdr *message)
{
        struct cmsghdr *header = CMSG_FIRSTHDR(message);
        int fd = -1;

        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(fd)))
                memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        return fd;
}

ssize_t fdpass_receive(int socket, void *data, size_t size, int *ret_fd, int flags)
{
        struct iovec part = { .iov_base = data, .iov_len = size };
        union control control;
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes)
        };
        ssize_t n;
        int fd;

        do
                n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        fd = take_fd(&message);
        if (message.msg_flags & MSG_TRUNC) {
                if (fd >= 0)
                        close(fd);
                return -EMSGSIZE;
        }
        *ret_fd = fd;
        return n;
}
