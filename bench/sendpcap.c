/* sendpcap: sends the packets of a pcap from an interface at a steady rate, over and
 * over, until there were N of them; past the queueing discipline, in bursts of 16.
 *
 *   sendpcap -i INTERFACE [-n PACKETS] [-r PPS] FILE
 *
 * Frames that the interface refuses (longer than its MTU) are left out. At the end
 * one line: what was sent, in how many seconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { BURST = 16 };
static const uint8_t *map, *end, *at;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void next_packet(struct iovec *v)
{
	uint32_t cap = 0;

	if (at + 16 <= end)
		memcpy(&cap, at + 8, 4);
	if (at + 16 > end || cap > (size_t)(end - at - 16)) {
		at = map + 24;
		memcpy(&cap, at + 8, 4);
	}
	v->iov_base = (void *)(uintptr_t)(at + 16);
	v->iov_len = cap;
	at += 16 + cap;
}
static int open_interface(const char *name)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;

	if (fd < 0 || !a.sll_ifindex || bind(fd, (struct sockaddr *)&a, sizeof a)) { perror(name); exit(1); }
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	return fd;
}
/* Sends one burst; how many went. A frame that is refused is passed over, a full queue tried again. */
static uint32_t burst(int fd, uint32_t n)
{
	struct mmsghdr m[BURST] = { 0 };
	struct iovec v[BURST];
	uint32_t i, sent = 0;

	for (i = 0; i < n; i++) {
		next_packet(&v[i]);
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	for (i = 0; i < n; ) {
		int r = sendmmsg(fd, m + i, n - i, 0);

		if (r > 0) { i += (uint32_t)r; sent += (uint32_t)r; continue; }
		if (errno == EMSGSIZE) { i++; continue; }
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) { perror("sendmmsg"); exit(1); }
	}
	return sent;
}

int main(int argc, char **argv)
{
	const char *interface = NULL;
	uint64_t n = 1000000, sent = 0;
	double pps = 1e5, start;
	struct stat st;
	int c, fd, file;

	while ((c = getopt(argc, argv, "i:n:r:")) != -1)
		switch (c) {
		case 'i': interface = optarg; break;
		case 'n': n = strtoull(optarg, NULL, 0); break;
		case 'r': pps = atof(optarg); break;
		default: interface = NULL; optind = argc;
		}
	if (!interface || optind + 1 != argc || pps <= 0) {
		fprintf(stderr, "usage: sendpcap -i INTERFACE [-n PACKETS] [-r PPS] FILE\n");
		return 2;
	}
	file = open(argv[optind], O_RDONLY);
	if (file < 0 || fstat(file, &st) || st.st_size < 64) { perror(argv[optind]); return 1; }
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (map == MAP_FAILED) { perror("mmap"); return 1; }
	end = map + st.st_size;
	at = map + 24;
	fd = open_interface(interface);
	start = now();
	for (uint64_t tried = 0; tried < n; ) {
		uint32_t k = n - tried < BURST ? (uint32_t)(n - tried) : BURST;

		sent += burst(fd, k);
		tried += k;
		while (now() < start + (double)tried / pps) ;
	}
	printf("%llu %.3f\n", (unsigned long long)sent, now() - start);
	return 0;
}
