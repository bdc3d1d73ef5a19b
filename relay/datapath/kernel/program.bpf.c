// The kernel fast path: forwards established streams from hosts to clients on the tcx ingress hook.
//
// A datagram is looked up by its four ends (host address and port, our slot's address and port). If it is there, its
// addresses and ports become ours towards the client and the client's, and it goes out at once; the program counts
// it in the entry. Whatever is not there, came in by another device, or has a shape this file does not know
// (fragments, IP options, extension headers, VLAN tags, ping-sized media, control that is more than
// acknowledgements, more than the MTU), goes on up the stack untouched, to the relay's sockets, which know everything.
//
// Needs no headers but those beside it. Built by tools/build-bpf.ts.
//
// Sources: RFC 768, RFC 791, RFC 8200, RFC 1624 (incremental checksums), RFC 3550 A.1, A.8 (sequence numbers, jitter).

#include "layout.bpf.h"

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define ntohs(x) __builtin_bswap16(x)
#define htons(x) __builtin_bswap16(x)

// Goes on to the next program, then up the stack. TC_ACT_OK would end the chain and cut off whatever else is attached.
#define MISS (-1)

enum {
	PACKET_HOST = 0,
	IPV4_SIZE = 20,
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

// User space creates the maps and puts their descriptors where these symbols are referred to.
u32 routes4 SEC("maps");
u32 routes6 SEC("maps");

char _license[] SEC("license") = "Dual MIT/GPL";

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
