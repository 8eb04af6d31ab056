/*
 * The two ends that the API is measured with: clients that cost next to nothing, and a server that
 * does nothing but answer, for what the machine gives at most at that moment.
 *
 *     api_load clients PORT CLIENTS SECONDS REQUEST   prints requests, failures, p50 and p99 in us
 *     api_load silent PORT CONNECTIONS                says "ready", holds them until input ends
 *     api_load server REQUEST_BYTES REPLY_BYTES       prints its port; answers until input ends
 *
 * A request is one TCP connection: connect, send, read to the end, close, as monitors do it. Each
 * client waits for its reply before it asks again, and the time of a request is all of that.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 1 << 20, MOST_SAMPLES = 1 << 22, MOST_CLIENTS = 512, GIVE_UP_S = 5 };

struct client {
    pthread_t thread;
    float *us;
    size_t asked, failed, most;
};

static struct sockaddr_in address = {.sin_family = AF_INET};
static const char *request;
static double until_s;

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = GIVE_UP_S};

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Ask once; return the length of the reply, 0 for none. */
static size_t ask(void)
{
    char buffer[65536];
    size_t length = 0;
    ssize_t got = 0;
    int fd = connected();

    if (fd < 0)
        return 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
        while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
            length += got;
    close(fd);
    return got < 0 ? 0 : length;
}

static void *run_client(void *argument)
{
    struct client *client = argument;

    for (double start_s = now_s(); start_s < until_s && client->asked < client->most;) {
        size_t length = ask();
        double end_s = now_s();

        if (length)
            client->us[client->asked++] = (end_s - start_s) * 1e6;
        else
            client->failed++;
        start_s = end_s;
    }
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static int clients(int count, double seconds)
{
    static struct client client[MOST_CLIENTS];
    size_t asked = 0, failed = 0;
    float *all;

    until_s = now_s() + seconds;
    for (int i = 0; i < count; i++) {
        client[i].most = MOST_SAMPLES / count;
        client[i].us = malloc(sizeof(float) * client[i].most);
        if (!client[i].us || pthread_create(&client[i].thread, NULL, run_client, &client[i]))
            fail("client");
    }
    for (int i = 0; i < count; i++) {
        pthread_join(client[i].thread, NULL);
        asked += client[i].asked;
        failed += client[i].failed;
    }
    all = malloc(sizeof(float) * (asked + 1));
    if (!all)
        fail("samples");
    asked = 0;
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < client[i].asked; k++)
            all[asked++] = client[i].us[k];
    qsort(all, asked, sizeof *all, ascending);
    printf("%zu %zu %.1f %.1f\n", asked, failed, asked ? all[asked / 2] : 0.0,
           asked ? all[asked * 99 / 100] : 0.0);
    return 0;
}

static void until_input_ends(void)
{
    while (getchar() != EOF)
        ;
}

static int silent(int count)
{
    for (int i = 0; i < count; i++)
        if (connected() < 0)
            fail("connect");
    puts("ready");
    fflush(stdout);
    until_input_ends();
    return 0;
}

static void *end_with_input(void *unused)
{
    (void)unused;
    until_input_ends();
    exit(0);
}

/* Answer each caller as soon as it has sent so many bytes; one thread, no limits, no checks. */
static _Noreturn void server(size_t request_bytes, size_t reply_bytes)
{
    static size_t heard[65536];
    static char buffer[65536], reply[LONGEST];
    struct epoll_event events[64], listening = {.events = EPOLLIN};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), poller = epoll_create1(0);
    socklen_t length = sizeof address;
    pthread_t ender;

    memset(reply, 'x', sizeof reply);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&address, &length))
        fail("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pthread_create(&ender, NULL, end_with_input, NULL);
    listening.data.fd = fd;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &listening);
    for (;;) {
        int count = epoll_wait(poller, events, 64, -1);

        for (int i = 0; i < count; i++) {
            int from = events[i].data.fd;

            if (from == fd) {
                int caller = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                struct epoll_event calling = {.events = EPOLLIN, .data.fd = caller};

                if (caller < 0 || caller >= 65536)
                    continue;
                heard[caller] = 0;
                epoll_ctl(poller, EPOLL_CTL_ADD, caller, &calling);
                continue;
            }
            ssize_t got = recv(from, buffer, sizeof buffer, 0);

            heard[from] += got > 0 ? got : 0;
            if (got > 0 && heard[from] < request_bytes)
                continue;
            if (heard[from] >= request_bytes && send(from, reply, reply_bytes, MSG_NOSIGNAL) < 0)
                perror("send");
            close(from);
        }
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (argc == 6 && !strcmp(argv[1], "clients")) {
        address.sin_port = htons(atoi(argv[2]));
        request = argv[5];
        if (atoi(argv[3]) > 0 && atoi(argv[3]) <= MOST_CLIENTS)
            return clients(atoi(argv[3]), atof(argv[4]));
    }
    if (argc == 4 && !strcmp(argv[1], "silent")) {
        address.sin_port = htons(atoi(argv[2]));
        return silent(atoi(argv[3]));
    }
    if (argc == 4 && !strcmp(argv[1], "server") && (size_t)atol(argv[3]) <= LONGEST)
        server(atol(argv[2]), atol(argv[3]));
    fputs("usage: see the head of api_load.c\n", stderr);
    return 2;
}
