// What would come from the kernel's and the compiler's headers: types, what a program is handed, packet headers, helpers.
//
// Sources: include/uapi/linux/bpf.h; RFC 791, RFC 8200, RFC 768.

#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef int s32;

#define OFFSET(type, field) __builtin_offsetof(type, field)

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
