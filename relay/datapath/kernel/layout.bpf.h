// What the program shares with user space: the keys and values of its maps, as layout.ts has them too. The assertions
// below and layout.test.ts keep both in step.

#include "kernel.bpf.h"

#define UNKNOWN 0xffffffffu

// Flags of an entry.
#define FLAG_PEER 1u
#define FLAG_CONTROL 2u
#define FLAG_VIDEO 4u
#define FLAG_ENCRYPTED 8u

// All addresses and ports in network order. "source" is the host, "destination" our slot.
struct key4 {
	u32 source, destination;
	u16 source_port, destination_port;
};

struct key6 {
	u32 source[4], destination[4];
	u16 source_port, destination_port;
};

struct entry {
	// Written by user space. IPv4 addresses stand in the first four bytes.
	u32 client_address[4];
	u32 public_address[4];
	u16 client_port, public_port;
	u32 ifindex;
	u32 flags;
	// The device by which the host is reached: what claims to be the host but came in elsewhere is not forwarded here.
	u32 host_ifindex;
	// Whose link address the frames get: the client's own, or a router's. As redirect_neigh takes it.
	u32 hop_family;
	u32 hop_address[4];
	u32 id;
	// Written here. Bytes of UDP payload; nanoseconds of CLOCK_MONOTONIC.
	u64 datagrams;
	u64 bytes;
	u64 seen_ns;
	// Datagrams that should have come, by their sequence numbers.
	u64 expected;
	u32 highest;
	u32 restarts_at;
	// The newest frame: its number, RTP timestamp and arrival; UNKNOWN before the first.
	u32 frame;
	u32 timestamp;
	u64 arrived_ns;
	// Of frames without timestamps: the mean interval, and over how many of them.
	u32 pace_ns;
	u32 intervals;
	u32 jitter_ns;
	u32 unused;
};

// Checked against layout.ts by layout.test.ts.
_Static_assert(sizeof(struct key4) == 12, "key4");
_Static_assert(OFFSET(struct key4, destination) == 4, "key4.destination");
_Static_assert(OFFSET(struct key4, source_port) == 8, "key4.source_port");
_Static_assert(OFFSET(struct key4, destination_port) == 10, "key4.destination_port");
_Static_assert(sizeof(struct key6) == 36, "key6");
_Static_assert(OFFSET(struct key6, destination) == 16, "key6.destination");
_Static_assert(OFFSET(struct key6, source_port) == 32, "key6.source_port");
_Static_assert(OFFSET(struct key6, destination_port) == 34, "key6.destination_port");
_Static_assert(sizeof(struct entry) == 144, "entry");
_Static_assert(OFFSET(struct entry, public_address) == 16, "entry.public_address");
_Static_assert(OFFSET(struct entry, client_port) == 32, "entry.client_port");
_Static_assert(OFFSET(struct entry, public_port) == 34, "entry.public_port");
_Static_assert(OFFSET(struct entry, ifindex) == 36, "entry.ifindex");
_Static_assert(OFFSET(struct entry, flags) == 40, "entry.flags");
_Static_assert(OFFSET(struct entry, host_ifindex) == 44, "entry.host_ifindex");
_Static_assert(OFFSET(struct entry, hop_family) == 48, "entry.hop_family");
_Static_assert(OFFSET(struct entry, hop_address) == 52, "entry.hop_address");
_Static_assert(OFFSET(struct entry, id) == 68, "entry.id");
_Static_assert(OFFSET(struct entry, datagrams) == 72, "entry.datagrams");
_Static_assert(OFFSET(struct entry, bytes) == 80, "entry.bytes");
_Static_assert(OFFSET(struct entry, seen_ns) == 88, "entry.seen_ns");
_Static_assert(OFFSET(struct entry, expected) == 96, "entry.expected");
_Static_assert(OFFSET(struct entry, highest) == 104, "entry.highest");
_Static_assert(OFFSET(struct entry, restarts_at) == 108, "entry.restarts_at");
_Static_assert(OFFSET(struct entry, frame) == 112, "entry.frame");
_Static_assert(OFFSET(struct entry, timestamp) == 116, "entry.timestamp");
_Static_assert(OFFSET(struct entry, arrived_ns) == 120, "entry.arrived_ns");
_Static_assert(OFFSET(struct entry, pace_ns) == 128, "entry.pace_ns");
_Static_assert(OFFSET(struct entry, intervals) == 132, "entry.intervals");
_Static_assert(OFFSET(struct entry, jitter_ns) == 136, "entry.jitter_ns");
