/* main: the firmware as a process: fw-host LINK_FD BUS_FD BAUD NOINIT_FILE
 *
 * The link's UART and the plant bus are inherited descriptors (a pty, a socket), the clock is CLOCK_MONOTONIC, the
 * RAM that a reset keeps is a file: to kill the process and start it again with the same file is a warm reset, with
 * another file a cold one. The watchdog is SIGALRM, which nobody handles. A process boots when one byte, the cause of
 * the reset, comes on standard input: until then it stands by, so that a reset takes no longer than a controller's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "station.h"

enum { LINK, BUS, WIRES, READ_BYTES = 256, WATCHDOG_US = 500000, SLEEP_MAX_US = 200000 };

struct process {
    struct pollfd wires[WIRES];
    struct timespec began;
};

static __attribute__((noreturn)) void fail(const char *what)
{
    (void)fprintf(stderr, "fw-host: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint32_t now_us(const struct process *process)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long long ns = (now.tv_sec - process->began.tv_sec) * 1000000000LL + now.tv_nsec - process->began.tv_nsec;
    return (uint32_t)(ns / 1000);
}

static void write_wire(int fd, const uint8_t *bytes, size_t size)
{
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
        exit(0); /* the other end has gone, and the plant with it */
    }
}

static void link_write(void *context, const uint8_t *bytes, size_t size)
{
    write_wire(((struct process *)context)->wires[LINK].fd, bytes, size);
}

static void bus_write(void *context, const uint8_t *bytes, size_t size)
{
    write_wire(((struct process *)context)->wires[BUS].fd, bytes, size);
}

static uint32_t entropy(void *context)
{
    uint32_t bits;
    (void)context;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) {
        fail("getrandom");
    }
    return bits;
}

#ifdef RIPIENO_HANG
static void hang(void *context, uint32_t for_ms)
{
    const struct process *process = context;
    uint32_t began_us = now_us(process);
    while (now_us(process) - began_us < for_ms * 1000) {
    }
}
#endif

static struct journal *journal_of(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)sizeof(struct journal)) != 0) {
        fail(path);
    }
    void *ram = mmap(NULL, sizeof(struct journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ram == MAP_FAILED) {
        fail(path);
    }
    (void)close(fd);
    return ram;
}

static void kick_watchdog(void)
{
    struct itimerval once = {.it_value = {.tv_usec = WATCHDOG_US}};
    (void)setitimer(ITIMER_REAL, &once, NULL);
}

/* Return false when the other end has gone. */
static bool take(struct process *process, struct station *station, int wire)
{
    uint8_t bytes[READ_BYTES];
    ssize_t size = read(process->wires[wire].fd, bytes, sizeof bytes);
    if (size <= 0) {
        return size < 0 && (errno == EAGAIN || errno == EINTR);
    }
    if (wire == LINK) {
        station_link(station, bytes, (size_t)size, now_us(process));
    } else {
        station_bus(station, bytes, (size_t)size, now_us(process));
    }
    return true;
}

static void sleep_until_due(struct process *process, uint32_t us)
{
    struct timespec most = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    if (ppoll(process->wires, WIRES, &most, NULL) < 0 && errno != EINTR) {
        fail("ppoll");
    }
}

static void run(struct process *process, struct station *station)
{
    for (;;) {
        kick_watchdog();
        sleep_until_due(process, station_turn(station, now_us(process), SLEEP_MAX_US));
        for (int wire = 0; wire < WIRES; wire++) {
            if (process->wires[wire].revents != 0 && !take(process, station, wire)) {
                return;
            }
        }
    }
}

/* Return the cause of this boot, once the reset is over; end where nobody is left who could say it. */
static uint8_t stand_by(void)
{
    uint8_t cause;
    ssize_t size;
    while ((size = read(STDIN_FILENO, &cause, 1)) < 0 && errno == EINTR) {
    }
    if (size != 1) {
        exit(0);
    }
    return cause;
}

int main(int argc, char **argv)
{
    static struct station station;
    struct process process = {.wires = {{.events = POLLIN}, {.events = POLLIN}}};
    struct port port = {.context = &process, .link_write = link_write, .bus_write = bus_write, .entropy = entropy};
    if (argc != 5) {
        (void)fprintf(stderr, "called as fw-host LINK_FD BUS_FD BAUD NOINIT_FILE\n");
        return 2;
    }
#ifdef RIPIENO_HANG
    port.hang = hang;
#endif
    for (int wire = 0; wire < WIRES; wire++) {
        process.wires[wire].fd = atoi(argv[1 + wire]);
        if (fcntl(process.wires[wire].fd, F_SETFL, O_NONBLOCK) < 0) {
            fail(argv[1 + wire]);
        }
    }
    uint32_t baud = (uint32_t)strtoul(argv[3], NULL, 10);
    if (baud == 0) {
        errno = EINVAL;
        fail("baud");
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* sleeps end on time, not up to 50 us later */
    uint8_t cause = stand_by();
    (void)clock_gettime(CLOCK_MONOTONIC, &process.began);
    station_start(&station, &port, journal_of(argv[4]), baud, cause, now_us(&process));
    run(&process, &station);
    return 0;
}
