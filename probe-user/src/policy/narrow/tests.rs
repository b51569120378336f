use proptest::prelude::*;

use super::*;
use crate::document;

/// Every way to narrow a rule, for tests of what carries it.
pub(crate) fn narrowing() -> impl Strategy<Value = Narrowing> {
    let flags = (1..=u8::MAX, any::<u8>()).prop_map(|(mask, value)| TcpFlags { mask, value: mask & value });
    let flap = (1..=u64::from(u32::MAX), 1..=u64::from(u32::MAX))
        .prop_map(|(on_ns, off_ns)| Flap { period_ns: on_ns + off_ns, on_ns });
    let rate = (1..=1_000_000_000_u64, 1..=1_000_000_u64)
        .prop_map(|(bits_per_second, burst_bytes)| AboveRate { bits_per_second, burst_bytes });
    let chance = (1..1_000_000_u32, prop::option::of(0..=i64::MAX.unsigned_abs()))
        .prop_map(|(millionths, seed)| (Probability::new(f64::from(millionths) / 1e6), seed.map(Seed)));
    let position = 2..=1_000_000_u64;
    (
        prop::option::weighted(0.2, (1..=65_534_u32).prop_map(LongerThan)),
        prop::option::weighted(0.2, flags),
        prop::option::weighted(0.2, flap),
        prop::option::weighted(0.2, position.clone().prop_map(FromPacket)),
        prop::option::weighted(0.2, position.prop_map(FromByte)),
        prop::option::weighted(0.2, rate),
        prop::option::weighted(0.2, chance),
    )
        .prop_map(|(longer_than, tcp_flags, flap, from_packet, from_byte, above_rate, chance)| {
            let (probability, seed) = chance.unwrap_or_default();
            Narrowing { longer_than, tcp_flags, flap, from_packet, from_byte, above_rate, probability, seed }
        })
}

fn read(text: &str) -> Result<Narrowing, document::Rejected> {
    document::read("narrow.toml", text, |table| {
        let narrowing = Narrowing::read(&table);
        table.finish();
        narrowing
    })
}

const ALL: &str = r#"
longer_than = 1400
tcp_flags = ["fin", "!syn"]
flap = { period = "2s", duty = 0.25 }
from_packet = 10
from_byte = 65536
above_rate = { rate = "1.5Mbit", burst = "16kB" }
probability = 0.3
seed = 7
"#;

#[test]
fn every_kind_is_read_shown_printed_and_compiled() {
    let all = read(ALL).unwrap_or_else(|rejected| panic!("{}", document::tests::drawn(&rejected)));
    assert_eq!(all.given(), Narrowing::KEYS);
    insta::assert_snapshot!(all.to_string());
    let printed =
        all.toml().iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(printed);
    assert_eq!(read(&printed).ok().as_ref(), Some(&all), "printed and read back");
    let json = serde_json::to_string(&all).unwrap_or_default();
    insta::assert_snapshot!(json);
    assert_eq!(serde_json::from_str::<Narrowing>(&json).ok().as_ref(), Some(&all));
    insta::assert_debug_snapshot!(all.sieve());
}

#[test]
fn nothing_narrows_by_default() {
    let open = read("").unwrap_or_else(|rejected| panic!("{}", document::tests::drawn(&rejected)));
    assert!(open.is_open() && open.to_string().is_empty());
    assert_eq!(open.sieve(), Sieve::OPEN);
    assert_eq!(serde_json::to_string(&open).unwrap_or_default(), "{}");
}

#[test]
fn chance_gets_a_seed_of_its_own_only_where_it_has_none() {
    let mut narrowing = read("probability = 0.5").unwrap_or_default();
    narrowing.settle_seed(false, || 9);
    assert_eq!(narrowing.seed, Some(Seed(9)));
    narrowing.settle_seed(false, || 10);
    assert_eq!(narrowing.seed, Some(Seed(9)));
    let mut without = read("longer_than = 9").unwrap_or_default();
    without.settle_seed(false, || 9);
    assert_eq!(without.seed, None);
}

#[test]
fn mistakes_are_told_with_a_way_out() {
    let mut told = String::new();
    for text in [
        "probability = 0",
        "probability = 1.5",
        "probability = \"a third\"",
        "longer_than = 0",
        "tcp_flags = []",
        "tcp_flags = [\"sin\"]",
        "tcp_flags = [\"syn\", \"!syn\"]",
        "flap = {}",
        "flap = { period = \"0s\" }",
        "flap = { period = \"2s\", duty = 1 }",
        "flap = { period = \"2s\", on = \"2s\" }",
        "flap = { period = \"2s\", on = \"1s\", duty = 0.5 }",
        "from_packet = 1",
        "from_byte = -4",
        "above_rate = { rate = \"fast\" }",
        "above_rate = { burst = \"16kB\" }",
        "seed = -1",
    ] {
        match read(text) {
            Ok(narrowing) => panic!("{text} is taken for {narrowing:?}"),
            Err(rejected) => told += &document::tests::drawn(&rejected),
        }
    }
    insta::assert_snapshot!(told);
}
