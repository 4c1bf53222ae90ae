/*
 * The engine of the benchmarks: stamps CLOCK_MONOTONIC (the clock of process.hrtime) before anything else, then does one thing.
 *
 *   child stamp FILE NAME         waits for ever
 *   child http FILE NAME PORT     answers every request on 127.0.0.1 with 200
 *   child flood FILE NAME BYTES   writes numbered lines of 100 bytes, stamps again, waits for ever
 *   child gone PID...             prints "watching", then, when all have exited, the time of that
 *
 * A stamp is a line "NAME PID NANOSECONDS" appended to FILE.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int stamp(const char *file, const char *name, long long at) {
  char line[256];
  int length = snprintf(line, sizeof line, "%s %d %lld\n", name, getpid(), at);
  int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, line, length) != length) return perror(file), 1;
  return close(fd);
}

static int wait_for_ever(void) {
  for (;;) pause();
}

static int serve(int port) {
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"status\":\"ok\"}";
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  signal(SIGPIPE, SIG_IGN);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0) return perror("listen"), 1;
  for (;;) {
    char request[4096];
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) < 0) perror("write");
    close(client);
  }
}

static int flood(long long bytes) {
  enum { line_length = 100, lines = 640 };
  static char block[line_length * lines];
  char line[line_length];
  memset(line, 'x', sizeof line);
  memset(line, '0', 10);
  line[10] = ' ';
  line[line_length - 1] = '\n';
  for (long long left = bytes / line_length; left > 0;) {
    int count = left < lines ? (int)left : lines;
    for (int i = 0; i < count; i++) {
      memcpy(block + i * line_length, line, line_length);
      for (int digit = 9; digit >= 0 && ++line[digit] > '9'; digit--) line[digit] = '0';
    }
    for (int done = 0; done < count * line_length;) {
      ssize_t written = write(1, block + done, count * line_length - done);
      if (written < 0 && errno != EINTR) return perror("write"), 1;
      if (written > 0) done += written;
    }
    left -= count;
  }
  return 0;
}

static int gone(int count, char **pids) {
  int *fds = calloc(count, sizeof *fds);
  for (int i = 0; i < count; i++) fds[i] = syscall(SYS_pidfd_open, atoi(pids[i]), 0);
  puts("watching");
  fflush(stdout);
  for (int i = 0; i < count; i++) {
    struct pollfd waited = {.fd = fds[i], .events = POLLIN};
    while (fds[i] >= 0 && poll(&waited, 1, -1) < 0 && errno == EINTR) continue;
  }
  printf("%lld\n", now());
  return 0;
}

int main(int argc, char **argv) {
  long long begun = now();
  if (argc >= 2 && strcmp(argv[1], "gone") == 0) return gone(argc - 2, argv + 2);
  if (argc < 4) return fputs("usage: child stamp|http|flood FILE NAME [PORT|BYTES] | gone PID...\n", stderr), 2;
  if (stamp(argv[2], argv[3], begun) != 0) return 1;
  if (strcmp(argv[1], "stamp") == 0) return wait_for_ever();
  if (strcmp(argv[1], "http") == 0 && argc == 5) return serve(atoi(argv[4]));
  if (strcmp(argv[1], "flood") == 0 && argc == 5) {
    if (flood(atoll(argv[4])) != 0 || stamp(argv[2], argv[3], now()) != 0) return 1;
    return wait_for_ever();
  }
  return 2;
}
