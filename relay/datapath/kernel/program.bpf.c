// The kernel fast path: forwards established streams from hosts to clients on the tcx ingress hook.
//
// A datagram is looked up by its four ends (host address and port, our slot's address and port). If it is there, its
// addresses and ports become ours towards the client and the client's, and it goes out at once; the program counts
// it in the entry. Whatever is not there, came in by another device, or has a shape this file does not know
// (fragments, IP options, extension headers, VLAN tags, ping-sized media, control that is more than
// acknowledgements, more than the MTU), goes on up the stack untouched, to the relay's sockets, which know everything.
//
// Self-contained: no kernel headers. Layouts shared with user space stand in layout.ts as well; the assertions
// below and layout.test.ts keep them in step. Built by tools/build-bpf.ts.
//
// Sources: RFC 768, RFC 791, RFC 8200, RFC 1624 (incremental checksums), RFC 3550 A.1, A.8 (sequence numbers, jitter).

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef int s32;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define ntohs(x) __builtin_bswap16(x)
#define htons(x) __builtin_bswap16(x)
#define OFFSET(type, field) __builtin_offsetof(type, field)

// Goes on to the next program, then up the stack. TC_ACT_OK would end the chain and cut off whatever else is attached.
#define MISS (-1)

enum {
	PACKET_HOST = 0,
	ETHERNET_SIZE = 14,
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	UDP_SIZE = 8,
	PROTOCOL_UDP = 17,
	// More fragments, and the offset; what remains is "do not fragment".
	IPV4_FRAGMENT = 0x3fff,
	// As DATAGRAM_SIZE_MAX of the sockets.
	PAYLOAD_MAX = 1500,
	// Pings have 20 and 4 bytes, RTP headers 12; the sockets look at what is no longer than that.
	PING_SIZE = 20,
	VIDEO_HEADERS_SIZE = 32,
	// `struct bpf_redir_neigh`: family and address.
	HOP_SIZE = 20,
	// Acknowledgements in one control datagram; more are for the sockets.
	ACKNOWLEDGEMENTS_MAX = 4,
	ACKNOWLEDGEMENT_SIZE = 8,
	ENET_ACKNOWLEDGE = 1,
	ENET_COMMAND_MASK = 0x0f,
	ENET_SENT_TIME = 0x8000,
	ENET_COMPRESSED = 0x4000,
	// A number farther behind is no late datagram; two in a row are a sequence that began anew. As reception.ts, as
	// all that follows.
	LATE_MAX = 1000,
	LATE_FRAMES_MAX = 64,
	PACE_FRAMES = 64,
	JITTER_SHARE = 16,
	INTERVAL_NS_MAX = 1000000000,
	// `HV`, as a big-endian read gives it.
	NONCE_OF_HOST_VIDEO = 0x4856,
};

#define UNKNOWN 0xffffffffu

// Flags of an entry.
#define FLAG_PEER 1u
#define FLAG_CONTROL 2u
#define FLAG_VIDEO 4u
#define FLAG_ENCRYPTED 8u

// The part of the kernel's struct __sk_buff that is read here.
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
	u32 priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end;
	u32 napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
	u32 data_meta;
	u64 flow_keys __attribute__((aligned(8)));
	u64 tstamp;
	u32 wire_len, gso_segs;
	u64 sk __attribute__((aligned(8)));
	u32 gso_size;
};

struct ethernet {
	u8 destination[6], source[6];
	u16 type;
} __attribute__((packed));

struct ipv4 {
	u8 version_size, tos;
	u16 total_length, id, fragment;
	u8 ttl, protocol;
	u16 checksum;
	u32 source, destination;
};

struct ipv6 {
	u32 version_class_flow;
	u16 payload_length;
	u8 next_header, hop_limit;
	u32 source[4], destination[4];
};

struct udp {
	u16 source, destination, length, checksum;
};

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

// User space creates the maps and puts their descriptors where these symbols are referred to.
u32 routes4 SEC("maps");
u32 routes6 SEC("maps");

char _license[] SEC("license") = "Dual MIT/GPL";

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static u64 (*const ktime_get_ns)(void) = (void *)5;
static long (*const l4_csum_replace)(struct __sk_buff *, u32 offset, u64 from, u64 to, u64 flags) = (void *)11;
static long (*const skb_load_bytes)(const void *, u32 offset, void *to, u32 size) = (void *)26;
static long (*const csum_diff)(u32 *from, u32 from_size, u32 *to, u32 to_size, u32 seed) = (void *)28;
static long (*const skb_pull_data)(struct __sk_buff *, u32 size) = (void *)39;
static long (*const redirect_neigh)(u32 ifindex, void *params, int size, u64 flags) = (void *)152;
static long (*const redirect_peer)(u32 ifindex, u64 flags) = (void *)155;
static long (*const check_mtu)(void *, u32 ifindex, u32 *mtu, int difference, u64 flags) = (void *)163;

#define CSUM_PSEUDO_HEADER 0x10u
// Leaves a checksum of 0, which is none, and never makes one.
#define CSUM_KEEP_NONE 0x20u
// Kernels since 2025 want to be told; older ones refuse it.
#define CSUM_IPV6 0x80u
#define MTU_CHECK_SEGMENTS 1u

// What was read of a datagram.
struct datagram {
	u32 payload_at;
	u32 payload_size;
	u32 segment_size;
	u32 segments;
};

// Whether every command of a control datagram is an acknowledgement.
INLINE int is_acknowledgement(struct __sk_buff *skb, const struct datagram *d) {
	u16 peer;
	if (d->segments != 1 || skb_load_bytes(skb, d->payload_at, &peer, 2) < 0) return 0;
	peer = ntohs(peer);
	if (peer & ENET_COMPRESSED) return 0;
	u32 head = peer & ENET_SENT_TIME ? 4 : 2;
	if (d->payload_size < head + ACKNOWLEDGEMENT_SIZE) return 0;
	u32 rest = d->payload_size - head;
	if (rest % ACKNOWLEDGEMENT_SIZE != 0 || rest > ACKNOWLEDGEMENTS_MAX * ACKNOWLEDGEMENT_SIZE) return 0;
#pragma unroll
	for (u32 i = 0; i < ACKNOWLEDGEMENTS_MAX; i += 1) {
		u32 at = i * ACKNOWLEDGEMENT_SIZE;
		u8 command;
		if (at >= rest) break;
		if (skb_load_bytes(skb, d->payload_at + head + at, &command, 1) < 0) return 0;
		if ((command & ENET_COMMAND_MASK) != ENET_ACKNOWLEDGE) return 0;
	}
	return 1;
}

// Whether the sizes are those of a stream that needs no look.
INLINE int is_plain(struct __sk_buff *skb, const struct entry *entry, const struct datagram *d) {
	if (d->segment_size > PAYLOAD_MAX) return 0;
	if (entry->flags & FLAG_CONTROL) return is_acknowledgement(skb, d);
	if (d->payload_size <= PING_SIZE) return 0;
	return !(entry->flags & FLAG_VIDEO) || d->payload_size >= VIDEO_HEADERS_SIZE;
}

// The low 16 bits of a datagram's number, or UNKNOWN where it has none. `head` is what the payload begins with.
INLINE u32 number_in(const struct entry *entry, const u8 *head) {
	if (!(entry->flags & FLAG_ENCRYPTED)) return (u32)head[2] << 8 | head[3];
	if (((u32)head[10] << 8 | head[11]) != NONCE_OF_HOST_VIDEO) return UNKNOWN;
	return (u32)head[1] << 8 | head[0];
}

INLINE u32 little32(const u8 *at) {
	return (u32)at[3] << 24 | (u32)at[2] << 16 | (u32)at[1] << 8 | at[0];
}

INLINE u32 big32(const u8 *at) {
	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

INLINE u64 distance(u64 a, u64 b) {
	return a > b ? a - b : b - a;
}

// RFC 3550 A.8, between this frame and the one before it. All times below a second, so nothing overflows.
INLINE void count_interval(struct entry *entry, u32 elapsed_ns, u32 frames, u32 ticks) {
	u64 difference;
	if (ticks == 0) {
		u32 share = elapsed_ns / frames;
		if (entry->intervals < PACE_FRAMES) entry->intervals += 1;
		u32 intervals = entry->intervals & 0xff;
		u32 move = (u32)distance(share, entry->pace_ns) / (intervals ? intervals : 1);
		entry->pace_ns += share > entry->pace_ns ? move : -move;
		difference = distance(elapsed_ns, (u64)entry->pace_ns * frames);
	} else if (ticks < 0x80000000u) {
		// The clock of RTP video ticks 90 000 times a second.
		difference = distance(elapsed_ns, (u64)ticks * 100000 / 9);
	} else {
		difference = elapsed_ns + (u64)-ticks * 100000 / 9;
	}
	u64 jitter = entry->jitter_ns;
	u64 change = distance(difference, jitter) / JITTER_SHARE;
	jitter = difference > jitter ? jitter + change : jitter - change;
	entry->jitter_ns = jitter > UNKNOWN ? UNKNOWN : jitter;
}

// The first datagram of a frame, or a late one of an older frame. Of datagrams that came together, the first is looked at.
INLINE void count_frame(struct entry *entry, const u8 *head, u64 now_ns) {
	int is_encrypted = entry->flags & FLAG_ENCRYPTED;
	// Both are read: a pointer that depends on the flag is allowed only with CAP_PERFMON.
	u32 clear = little32(head + 20);
	u32 frame = little32(head + 12);
	if (!is_encrypted) frame = clear;
	u32 frames = frame - entry->frame;
	if (frames == 0) return;
	int is_known = entry->frame != UNKNOWN;
	if (is_known && (s32)frames <= 0 && (s32)frames > -LATE_FRAMES_MAX) return;
	u32 timestamp = is_encrypted ? entry->timestamp : big32(head + 4);
	u64 elapsed_ns = now_ns - entry->arrived_ns;
	if (is_known && (s32)frames > 0 && elapsed_ns <= INTERVAL_NS_MAX)
		count_interval(entry, elapsed_ns, frames, timestamp - entry->timestamp);
	entry->frame = frame;
	entry->timestamp = timestamp;
	entry->arrived_ns = now_ns;
}

// Takes the numbers `first` to `last` of datagrams that came together. As reception.ts. A race of two processors
// over one stream costs a wrong count, nothing else.
INLINE void count_numbers(struct entry *entry, u32 first, u32 last, u32 segments) {
	if (first == UNKNOWN || last == UNKNOWN) {
		entry->expected += segments;
		return;
	}
	u32 inside = ((last - first) & 0xffff) + 1;
	s16 ahead = (s16)(u16)(first - entry->highest);
	if (entry->highest == UNKNOWN) {
		entry->expected += inside;
	} else if (ahead > 0) {
		entry->expected += ahead + inside - 1;
	} else if (ahead >= -LATE_MAX) {
		return;
	} else if (first == entry->restarts_at) {
		entry->expected += inside + 1;
	} else if (segments > 1) {
		// Two in a row already.
		entry->expected += inside;
	} else {
		entry->restarts_at = (last + 1) & 0xffff;
		return;
	}
	entry->highest = last;
}

INLINE void count_video(struct __sk_buff *skb, struct entry *entry, const struct datagram *d) {
	u8 head[24];
	if (skb_load_bytes(skb, d->payload_at, head, sizeof(head)) < 0) return;
	u32 first = number_in(entry, head);
	count_frame(entry, head, entry->seen_ns);
	u32 last = first;
	if (d->segments > 1) {
		u32 at = d->payload_at + (d->segments - 1) * d->segment_size;
		last = skb_load_bytes(skb, at, head, 12) < 0 ? UNKNOWN : number_in(entry, head);
	}
	count_numbers(entry, first, last, d->segments);
}

INLINE void count(struct __sk_buff *skb, struct entry *entry, const struct datagram *d) {
	entry->seen_ns = ktime_get_ns();
	__sync_fetch_and_add(&entry->datagrams, d->segments);
	__sync_fetch_and_add(&entry->bytes, d->payload_size);
	if (entry->flags & FLAG_VIDEO) count_video(skb, entry, d);
}

INLINE int forward(const struct entry *entry) {
	if (entry->flags & FLAG_PEER) return redirect_peer(entry->ifindex, 0);
	// With the hop given, the kernel need not look for a route: half of what plain forwarding does.
	return redirect_neigh(entry->ifindex, (void *)&entry->hop_family, HOP_SIZE, 0);
}

// Everything that can still refuse; nothing has been changed yet.
INLINE int may_forward(struct __sk_buff *skb, const struct entry *entry, struct datagram *d, u16 udp_length) {
	u32 mtu = 0;
	d->payload_size = ntohs(udp_length) - UDP_SIZE;
	d->segment_size = skb->gso_size ? skb->gso_size : d->payload_size;
	d->segments = 1;
	if (d->payload_size > d->segment_size && d->segment_size != 0)
		d->segments = (d->payload_size + d->segment_size - 1) / d->segment_size;
	if (skb->ifindex != entry->host_ifindex) return 0;
	return is_plain(skb, entry, d) && check_mtu(skb, entry->ifindex, &mtu, 0, MTU_CHECK_SEGMENTS) == 0;
}

// RFC 1624: the checksum after a field of which `difference` is the sum of the new minus the old words.
INLINE u16 adjust(u16 checksum, u32 difference) {
	u64 sum = (u64)(u16)~checksum + difference;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(u16)sum;
}

struct headers4 {
	struct ethernet ethernet;
	struct ipv4 ip;
	struct udp udp;
} __attribute__((packed));

struct headers6 {
	struct ethernet ethernet;
	struct ipv6 ip;
	struct udp udp;
} __attribute__((packed));

#define PORTS_AT(headers) (OFFSET(headers, udp) + OFFSET(struct udp, source))
#define CHECKSUM_AT(headers) (OFFSET(headers, udp) + OFFSET(struct udp, checksum))

#define HEADERS(type, skb) ((type *)(unsigned long)(skb)->data)
#define FITS(headers, skb) ((void *)((headers) + 1) <= (void *)(unsigned long)(skb)->data_end)

// As the two fields stand in a word.
#define PORTS(source, destination) ((u32)(destination) << 16 | (source))

INLINE int handle4(struct __sk_buff *skb) {
	struct headers4 *h = HEADERS(struct headers4, skb);
	if (!FITS(h, skb)) {
		if (skb_pull_data(skb, sizeof(*h)) < 0) return MISS;
		h = HEADERS(struct headers4, skb);
		if (!FITS(h, skb)) return MISS;
	}
	if (h->ip.version_size != 0x45 || h->ip.protocol != PROTOCOL_UDP) return MISS;
	if ((h->ip.fragment & htons(IPV4_FRAGMENT)) || h->ip.ttl <= 1) return MISS;
	u16 udp_length = h->udp.length;
	if (ntohs(udp_length) < UDP_SIZE || ntohs(h->ip.total_length) != ntohs(udp_length) + IPV4_SIZE) return MISS;

	struct key4 key;
	__builtin_memset(&key, 0, sizeof(key));
	key.source = h->ip.source;
	key.destination = h->ip.destination;
	key.source_port = h->udp.source;
	key.destination_port = h->udp.destination;
	struct entry *entry = map_lookup(&routes4, &key);
	if (!entry) return MISS;
	struct datagram d = {.payload_at = sizeof(*h)};
	if (!may_forward(skb, entry, &d, udp_length)) return MISS;

	u32 from[2] = {key.source, key.destination};
	u32 to[2] = {entry->public_address[0], entry->client_address[0]};
	u32 difference = csum_diff(from, sizeof(from), to, sizeof(to), 0);
	u32 old_ports = PORTS(key.source_port, key.destination_port);
	u32 new_ports = PORTS(entry->public_port, entry->client_port);
	u32 checksum_at = CHECKSUM_AT(struct headers4);
	if (l4_csum_replace(skb, checksum_at, 0, difference, CSUM_PSEUDO_HEADER | CSUM_KEEP_NONE) < 0) return MISS;
	l4_csum_replace(skb, checksum_at, old_ports, new_ports, CSUM_KEEP_NONE | 4);

	h = HEADERS(struct headers4, skb);
	if (!FITS(h, skb)) return MISS;
	h->ip.source = to[0];
	h->ip.destination = to[1];
	h->ip.ttl -= 1;
	// One less in the high byte of a word: the difference is -0x0100 in ones' complement.
	h->ip.checksum = adjust(adjust(h->ip.checksum, (difference & 0xffff) + (difference >> 16)), htons(0xfeff));
	h->udp.source = entry->public_port;
	h->udp.destination = entry->client_port;
	count(skb, entry, &d);
	return forward(entry);
}

INLINE int handle6(struct __sk_buff *skb) {
	struct headers6 *h = HEADERS(struct headers6, skb);
	if (!FITS(h, skb)) {
		if (skb_pull_data(skb, sizeof(*h)) < 0) return MISS;
		h = HEADERS(struct headers6, skb);
		if (!FITS(h, skb)) return MISS;
	}
	if (h->ip.next_header != PROTOCOL_UDP || h->ip.hop_limit <= 1 || h->udp.checksum == 0) return MISS;
	u16 udp_length = h->udp.length;
	if (ntohs(udp_length) < UDP_SIZE || h->ip.payload_length != udp_length) return MISS;

	struct key6 key;
	__builtin_memcpy(key.source, h->ip.source, sizeof(key.source));
	__builtin_memcpy(key.destination, h->ip.destination, sizeof(key.destination));
	key.source_port = h->udp.source;
	key.destination_port = h->udp.destination;
	struct entry *entry = map_lookup(&routes6, &key);
	if (!entry) return MISS;
	struct datagram d = {.payload_at = sizeof(*h)};
	if (!may_forward(skb, entry, &d, udp_length)) return MISS;

	u32 to[8];
	__builtin_memcpy(to, entry->public_address, 16);
	__builtin_memcpy(to + 4, entry->client_address, 16);
	u32 difference = csum_diff((u32 *)&key, 32, to, sizeof(to), 0);
	u32 old_ports = PORTS(key.source_port, key.destination_port);
	u32 new_ports = PORTS(entry->public_port, entry->client_port);
	u32 checksum_at = CHECKSUM_AT(struct headers6);
	u32 flags = CSUM_PSEUDO_HEADER | CSUM_KEEP_NONE;
	if (l4_csum_replace(skb, checksum_at, 0, difference, flags | CSUM_IPV6) < 0 &&
	    l4_csum_replace(skb, checksum_at, 0, difference, flags) < 0)
		return MISS;
	l4_csum_replace(skb, checksum_at, old_ports, new_ports, CSUM_KEEP_NONE | 4);

	h = HEADERS(struct headers6, skb);
	if (!FITS(h, skb)) return MISS;
	__builtin_memcpy(h->ip.source, to, 16);
	__builtin_memcpy(h->ip.destination, to + 4, 16);
	h->ip.hop_limit -= 1;
	h->udp.source = entry->public_port;
	h->udp.destination = entry->client_port;
	count(skb, entry, &d);
	return forward(entry);
}

SEC("tcx/ingress")
int ingress(struct __sk_buff *skb) {
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present) return MISS;
	if (skb->protocol == htons(0x0800)) return handle4(skb);
	if (skb->protocol == htons(0x86dd)) return handle6(skb);
	return MISS;
}
