//! The chains that every cut of a namespace goes through: what a packet is, and who may be answered.
//!
//! Protocols are named by their numbers: nft looks names up in `/etc/protocols`, which a container may lack.

use std::fmt::Write;

use probe_ebpf::{
    abi::{LOOPBACK_IFINDEX, REPLY_MARK},
    decode::protocol::{ICMP, ICMPV6, TCP, UDP},
};

use super::hook::Hook;

/// What the chains for later fragments are called by: those of the rules that look at no transport header.
pub(super) const LATER: &str = "later";

/// How long an answer is known as one. It leaves within the very call that made it.
const MEMORY: &str = "1s";

/// The sets that tell netsplit's own answers from what its rules are about. The kernel hands no mark on from a
/// packet to what answers it.
pub(super) const ANSWERS: &[(&str, &str)] = &[
    ("resets4", "ip saddr . th sport . ip daddr . th dport"),
    ("resets6", "ip6 saddr . th sport . ip6 daddr . th dport"),
    ("refusals4", "ip daddr"),
    ("refusals6", "ip6 daddr"),
];

pub(super) fn answer_sets() -> String {
    let mut text = String::new();
    for (name, key) in ANSWERS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "add set inet netsplit {name} {{ typeof {key}; flags dynamic,timeout; size 65535; timeout {MEMORY}; }}"
        );
    }
    text
}

/// The way of a packet to the rules: netsplit's own answers pass, neighbour discovery passes as ARP does
/// (RFC 4861 4), and what cannot be parsed passes and is counted. A later fragment shows nothing but its protocol.
pub(super) fn parse(hook: Hook) -> String {
    let judge = format!("goto judge_{}", hook.name());
    let mut rules: Vec<String> = Vec::new();
    if hook == Hook::Sending {
        let own = format!("meta mark set {REPLY_MARK:#x} accept");
        rules.extend([
            format!("tcp flags & rst == rst ip saddr . th sport . ip daddr . th dport @resets4 {own}"),
            format!("tcp flags & rst == rst ip6 saddr . th sport . ip6 daddr . th dport @resets6 {own}"),
            format!("icmp type destination-unreachable icmp code port-unreachable ip daddr @refusals4 {own}"),
            format!(
                "icmpv6 type destination-unreachable icmpv6 code port-unreachable ip6 daddr @refusals6 {own}"
            ),
        ]);
    } else {
        rules.push(format!("meta mark {REPLY_MARK:#x} accept"));
    }
    rules.extend([
        // First: at the ingress hook, netfilter takes a later fragment's data for a transport header (Linux 6.18).
        format!("ip frag-off & 0x1fff != 0 {judge}_{LATER}"),
        format!("exthdr frag exists frag frag-off != 0 {judge}_{LATER}"),
        // To the last byte of the header: a comparison that any value passes still wants the bytes.
        format!("meta l4proto {TCP} tcp doff >= 5 @th,144,16 >= 0 {judge}"),
        format!("meta l4proto {UDP} @th,48,16 >= 0 {judge}"),
        format!("meta l4proto {ICMPV6} icmpv6 type 133-137 accept"),
        format!("meta l4proto {{ {ICMP}, {ICMPV6} }} @th,0,16 >= 0 {judge}"),
        format!("meta l4proto != {{ {TCP}, {UDP}, {ICMP}, {ICMPV6} }} {judge}"),
        "meta protocol { ip, ip6 } counter name unparsed".to_owned(),
    ]);
    chain(&format!("parse_{}", hook.name()), &rules)
}

/// The answers of a hook. A packet that may not be answered is dropped in silence, as
/// `probe_ebpf::reply::due` says.
pub(super) fn answers(hook: Hook) -> String {
    let name = hook.name();
    let mut guards: Vec<String> = Vec::new();
    if hook.is_arriving() {
        guards.push("ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 drop".to_owned());
    }
    guards.extend([
        "ip frag-off & 0x1fff != 0 drop".to_owned(),
        "exthdr frag exists frag frag-off != 0 drop".to_owned(),
    ]);
    let off_loopback = format!("{} != {LOOPBACK_IFINDEX}", hook.interface());
    for end in ["saddr", "daddr"] {
        guards.extend([
            format!("ip {end} {{ 0.0.0.0/8, 224.0.0.0/3 }} drop"),
            format!("ip6 {end} {{ ::, ff00::/8 }} drop"),
            format!("{off_loopback} ip {end} 127.0.0.0/8 drop"),
            format!("{off_loopback} ip6 {end} ::1 drop"),
        ]);
    }
    let tcp_reset = format!("meta l4proto {TCP} reject with tcp reset");
    let reset = [
        "tcp flags & rst != 0 drop",
        "update @resets4 { ip daddr . th dport . ip saddr . th sport }",
        "update @resets6 { ip6 daddr . th dport . ip6 saddr . th sport }",
        tcp_reset.as_str(),
        "drop",
    ];
    let reject = [
        "icmp type { 3, 4, 5, 11, 12 } drop",
        "icmpv6 type { 0-127, 137 } drop",
        "update @refusals4 { ip saddr }",
        "update @refusals6 { ip6 saddr }",
        "reject with icmpx type port-unreachable",
    ];
    let both =
        |own: &[&str]| guards.iter().cloned().chain(own.iter().map(ToString::to_string)).collect::<Vec<_>>();
    chain(&format!("reset_{name}"), &both(&reset)) + &chain(&format!("reject_{name}"), &both(&reject))
}

/// A chain inside its table's braces.
pub(super) fn chain(name: &str, rules: &[String]) -> String {
    let mut text = format!("\tchain {name} {{\n");
    for rule in rules {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\t\t{rule}");
    }
    text + "\t}\n"
}
