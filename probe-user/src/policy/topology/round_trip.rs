//! What is printed is read back.

use proptest::prelude::*;

use super::{tests::with, *};
use crate::policy::*;

fn selector() -> impl Strategy<Value = NodeSelector> {
    let role = prop::sample::select(NodeSelector::ROLES).prop_map(|(_, role)| role);
    prop_oneof![role, "[a-z][a-z0-9_.-]{0,8}".prop_map(NodeSelector::Name)]
        .prop_filter("`local` is none", |selector| *selector != NodeSelector::Name("local".into()))
}

fn member() -> impl Strategy<Value = Member> {
    let outside = prop::sample::select(Member::OUTSIDE).prop_map(|(_, member)| member);
    let prefix = (1..=u32::MAX).prop_map(|bits| Member::Prefix(std::net::IpAddr::V4(bits.into()).into()));
    prop_oneof![4 => selector().prop_map(Member::Node), 1 => outside, 1 => prefix]
}

fn shape() -> impl Strategy<Value = Shape> {
    let some = || prop::collection::vec(member(), 1..4);
    let any = || prop::collection::vec(member(), 0..4);
    prop_oneof![
        prop::collection::vec(some(), 2..4).prop_map(|groups| Shape::Split { groups }),
        (selector(), any()).prop_map(|(node, from)| Shape::Isolate { node, from }),
        (some(), any()).prop_map(|(minority, keep)| Shape::Majority { minority, keep }),
        (selector(), prop::collection::vec(some(), 2))
            .prop_map(|(node, groups)| Shape::Bridge { node, groups }),
        any().prop_map(|nodes| Shape::Ring { nodes }),
        (some(), some()).prop_map(|(from, to)| Shape::OneWay { from, to }),
        [member(), member()].prop_map(|between| Shape::Edge { between }),
    ]
}

proptest! {
    /// As for rules: what is printed is read back, or refused for what it says.
    #[test]
    fn what_is_printed_is_read_back(shapes in prop::collection::vec(shape(), 1..4), flows in any::<bool>()) {
        let mut policy = Policy { description: "printed".into(), ..Policy::default() };
        for shape in shapes {
            let mut topology = with(shape, flows).topologies.remove(0);
            topology.how.flows = if flows { Flows::New } else { Flows::All };
            policy.topologies.push(topology);
        }
        match parse("printed.toml", &policy.to_toml()) {
            Ok(read) => prop_assert_eq!(read, policy),
            Err(rejected) => {
                for problem in rejected.problems() {
                    let message = problem.message();
                    let meant = message.ends_with("is named twice") || message == "a ring of fewer than three";
                    prop_assert!(meant, "{}", message);
                }
            }
        }
    }
}
