/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loopback and the hypervisor's NAT network. The addresses are fixed: an exchange by DHCP would
 * take time and bring in answers of the untrusted host.
 */
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INTERFACE "eth0"
#define ADDRESS   "10.0.2.15"
#define NETMASK   "255.255.255.0"
#define GATEWAY   "10.0.2.2"

/* The device is there once its driver is; a slow machine gets a little longer. */
#define APPEAR_TRIES   100
#define APPEAR_WAIT_NS (20 * 1000 * 1000)

static void set_address(struct sockaddr *to, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    inet_pton(AF_INET, text, &in.sin_addr);
    memcpy(to, &in, sizeof in);
}

static struct ifreq request_for(const char *name)
{
    struct ifreq request = {0};

    memcpy(request.ifr_name, name, strlen(name));
    return request;
}

static void link_up(int fd, const char *name)
{
    struct ifreq request = request_for(name);

    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        init_fail("no network interface %s: %s", name, strerror(errno));
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        init_fail("cannot bring up %s: %s", name, strerror(errno));
}

static void wait_for_interface(int fd, const char *name)
{
    const struct timespec pause = {0, APPEAR_WAIT_NS};
    struct ifreq request = request_for(name);

    for (int i = 0; i < APPEAR_TRIES && ioctl(fd, SIOCGIFFLAGS, &request) < 0; i++)
        nanosleep(&pause, NULL);
}

static void assign_address(int fd, const char *name)
{
    struct ifreq request = request_for(name);

    set_address(&request.ifr_addr, ADDRESS);
    if (ioctl(fd, SIOCSIFADDR, &request) < 0)
        init_fail("cannot give %s the address %s: %s", name, ADDRESS, strerror(errno));
    set_address(&request.ifr_netmask, NETMASK);
    if (ioctl(fd, SIOCSIFNETMASK, &request) < 0)
        init_fail("cannot set the netmask of %s: %s", name, strerror(errno));
}

static void add_default_route(int fd)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};

    set_address(&route.rt_dst, "0.0.0.0");
    set_address(&route.rt_genmask, "0.0.0.0");
    set_address(&route.rt_gateway, GATEWAY);
    if (ioctl(fd, SIOCADDRT, &route) < 0)
        init_fail("cannot add the route by %s: %s", GATEWAY, strerror(errno));
}

void init_network_up(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        init_fail("no network: %s", strerror(errno));

    link_up(fd, "lo");
    wait_for_interface(fd, INTERFACE);
    assign_address(fd, INTERFACE);
    link_up(fd, INTERFACE);
    add_default_route(fd);
    close(fd);
}
