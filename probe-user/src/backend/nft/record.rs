//! What netsplit remembers of a cut, in the table that holds its rules.
//!
//! The record is the cut's journal: elements of a set whose comments, put together in the order of their keys,
//! are the record in JSON and Base64. So it comes and goes in the transaction of its rules.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

use super::{NftError, hook::Hook};
use crate::{backend::datapath::CutRecord, clock::BootInstant, cluster::Target};

/// A cut in a network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its place among the cuts of the namespace: the lower one decides first.
    pub(super) place: u64,
    /// How the namespace was named when the cut was made.
    pub(super) target: Target,
    /// The interfaces that it holds on, and the hooks there.
    pub(super) seats: Vec<Seat>,
    /// What it is. A rule's counter is its place among the cut's own.
    pub(super) cut: CutRecord,
}

/// A hook on an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Seat {
    /// The interface's index.
    pub(super) ifindex: u32,
    /// Its name.
    pub(super) interface: String,
    /// Which hook.
    pub(super) hook: Hook,
}

/// nft takes comments of up to 128 bytes (`NFTNL_UDATA_COMMENT_MAXLEN`).
const PIECE: usize = 120;

impl Record {
    /// The comments that hold the record, in order.
    pub(super) fn pieces(&self) -> Result<Vec<String>, NftError> {
        let text = BASE64.encode(serde_json::to_vec(self).map_err(NftError::Journal)?);
        // Base64 is ASCII: any place is one between characters.
        Ok(text.as_bytes().chunks(PIECE).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect())
    }

    /// Reads what [`Record::pieces`] wrote.
    pub(super) fn read(mut pieces: Vec<(u32, String)>) -> Result<Self, NftError> {
        pieces.sort_unstable();
        let text: String = pieces.into_iter().map(|(_, piece)| piece).collect();
        let bytes = BASE64.decode(text).map_err(|_| NftError::JournalPieces)?;
        serde_json::from_slice(&bytes).map_err(NftError::Journal)
    }

    /// Whether its lease has ended it.
    pub(super) fn is_over(&self, now: BootInstant) -> bool {
        self.cut.deadline <= now
    }

    /// Whether any of its rules needs the hook.
    pub(super) fn uses(&self, hook: Hook) -> bool {
        self.cut.rules.iter().any(|record| Hook::of(&record.rule).contains(&hook))
    }
}

#[cfg(test)]
pub(super) fn sample(id: &str, place: u64, rules: Vec<crate::policy::PlannedRule>) -> Record {
    use crate::backend::datapath::RuleRecord;
    let record = |(counter, rule)| RuleRecord { rule, xdp: false, counter, bound_to: Vec::new() };
    let rules: Vec<_> = (0..).zip(rules).map(record).collect();
    let hooks = rules.iter().flat_map(|record| Hook::of(&record.rule).iter().copied());
    let seats = hooks
        .map(|hook| Seat { ifindex: 7, interface: "eth0".to_owned(), hook })
        .collect::<std::collections::BTreeSet<_>>();
    let seats = seats.into_iter().collect();
    Record {
        place,
        target: Target::Netns("pg1".to_owned()),
        seats,
        cut: CutRecord {
            id: id.parse().unwrap(),
            node: "pg1".to_owned(),
            description: "a \"test\"".to_owned(),
            applied: jiff::Timestamp::UNIX_EPOCH,
            since: BootInstant { ns: 1_500_000_000 },
            deadline: BootInstant { ns: 61_500_000_000 },
            rules,
            edges: Vec::new(),
            probes: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PlannedRule;

    #[test]
    fn a_record_survives_being_cut_into_comments() {
        let record = sample("c3f9a1", 3, vec![PlannedRule::sample(); 20]);
        let pieces = record.pieces().unwrap();
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() <= 128));
        let numbered: Vec<_> = (0..).zip(pieces).collect();
        let shuffled = numbered.into_iter().rev().collect();
        assert_eq!(Record::read(shuffled).unwrap(), record);
    }

    #[test]
    fn a_record_that_lacks_a_piece_is_none() {
        let mut pieces: Vec<_> =
            (0..).zip(sample("c3f9a1", 3, vec![PlannedRule::sample()]).pieces().unwrap()).collect();
        pieces.remove(1);
        assert!(Record::read(pieces).is_err());
    }
}
