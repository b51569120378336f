//! The two banks, and the one word that says which of them packets see.

use aya::{
    Pod,
    maps::{Array, HashMap, LpmTrie, Map, MapData, MapError, PerCpuArray, PerCpuValues, lpm_trie::Key},
};
use probe_ebpf::abi::{
    ABI_VERSION, Control, Counter, InterfaceKey, JOURNAL_PAGE_BYTES, JournalPage, MAX_JOURNAL_PAGES,
    OBSERVATIONS, PEER_KEY_BANK_BITS, PeerKey, RuleMask, RuleState, Ruleset,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{DatapathError, Installation, Journal, Pins, readers::wait_for_readers};
use crate::{
    backend::{CounterSum, Tables},
    clock::BootInstant,
};

fn open(pins: &Pins, name: &'static str) -> Result<MapData, DatapathError> {
    MapData::from_pin(pins.path(name)).map_err(|source| DatapathError::Map {
        map: name,
        verb: "opened",
        source,
    })
}

fn typed<T: TryFrom<Map, Error = MapError>>(map: Map, name: &'static str) -> Result<T, DatapathError> {
    T::try_from(map).map_err(|source| DatapathError::Map { map: name, verb: "opened", source })
}

pub(super) fn array<T: Pod>(pins: &Pins, name: &'static str) -> Result<Array<MapData, T>, DatapathError> {
    typed(Map::Array(open(pins, name)?), name)
}

fn per_cpu<T: Pod>(pins: &Pins, name: &'static str) -> Result<PerCpuArray<MapData, T>, DatapathError> {
    typed(Map::PerCpuArray(open(pins, name)?), name)
}

pub(super) fn hash<K: Pod, V: Pod>(
    pins: &Pins,
    name: &'static str,
) -> Result<HashMap<MapData, K, V>, DatapathError> {
    typed(Map::HashMap(open(pins, name)?), name)
}

pub(super) fn read(map: &'static str) -> impl Fn(MapError) -> DatapathError {
    move |source| DatapathError::Map { map, verb: "read", source }
}

pub(super) fn written(map: &'static str) -> impl Fn(MapError) -> DatapathError {
    move |source| DatapathError::Map { map, verb: "written", source }
}

fn control(pins: &Pins) -> Result<Control, DatapathError> {
    array::<Control>(pins, "CONTROL")?.get(&0, 0).map_err(read("CONTROL"))
}

pub(super) fn set_control(pins: &Pins, control: Control) -> Result<(), DatapathError> {
    array::<Control>(pins, "CONTROL")?.set(0, control, 0).map_err(written("CONTROL"))
}

pub(super) fn check_version(pins: &Pins) -> Result<(), DatapathError> {
    let found = control(pins)?.version;
    if found == ABI_VERSION { Ok(()) } else { Err(DatapathError::Version { found, ours: ABI_VERSION }) }
}

pub(super) fn set_recording(pins: &Pins, recording: bool) -> Result<(), DatapathError> {
    let control = control(pins)?;
    set_control(pins, Control { recording: u32::from(recording), ..control })
}

pub(super) fn stage(pins: &Pins, tables: &Tables, journal: &Journal) -> Result<(), DatapathError> {
    let bank = 1 - (control(pins)?.bank & 1);
    // A program that began before the last commit may still read this bank.
    wait_for_readers();
    array::<Ruleset>(pins, "RULESETS")?.set(bank, tables.ruleset.as_ref(), 0).map_err(written("RULESETS"))?;
    stage_peers(pins, bank, tables)?;
    stage_interfaces(pins, bank, tables)?;
    write_pages(pins, bank, journal)
}

pub(super) fn commit(pins: &Pins) -> Result<(), DatapathError> {
    let control = control(pins)?;
    set_control(pins, Control { bank: 1 - (control.bank & 1), ..control })
}

fn stage_peers(pins: &Pins, bank: u32, tables: &Tables) -> Result<(), DatapathError> {
    const MAP: &str = "PEERS";
    let mut peers: LpmTrie<MapData, PeerKey, RuleMask> = typed(Map::LpmTrie(open(pins, MAP)?), MAP)?;
    let old: Vec<_> = peers.keys().filter_map(Result::ok).filter(|key| key.data().bank == bank).collect();
    for key in old {
        peers.remove(&key).map_err(written(MAP))?;
    }
    for (prefix, mask) in &tables.peers {
        let data = PeerKey { bank, address: prefix.network().octets() };
        let key = Key::new(PEER_KEY_BANK_BITS + u32::from(prefix.prefix_len()), data);
        peers.insert(&key, mask, 0).map_err(written(MAP))?;
    }
    Ok(())
}

fn stage_interfaces(pins: &Pins, bank: u32, tables: &Tables) -> Result<(), DatapathError> {
    const MAP: &str = "INTERFACES";
    let mut interfaces: HashMap<MapData, InterfaceKey, RuleMask> = hash(pins, MAP)?;
    let old: Vec<_> = interfaces.keys().filter_map(Result::ok).filter(|key| key.bank == bank).collect();
    for key in old {
        interfaces.remove(&key).map_err(written(MAP))?;
    }
    for (&ifindex, mask) in &tables.interfaces {
        interfaces.insert(InterfaceKey { bank, ifindex }, mask, 0).map_err(written(MAP))?;
    }
    Ok(())
}

fn page_key(place: u32, page: usize) -> u32 {
    (place << 16) | u32::try_from(page).unwrap_or(u32::from(u16::MAX))
}

/// The place of the [`Installation`] among the pages: beside the two banks, since it belongs to neither.
const INSTALLATION: u32 = 2;

pub(super) fn write_installation(pins: &Pins, installed: &Installation) -> Result<(), DatapathError> {
    write_pages(pins, INSTALLATION, installed)
}

pub(super) fn read_installation(pins: &Pins) -> Result<Installation, DatapathError> {
    read_pages(pins, INSTALLATION)
}

pub(super) fn read_journal(pins: &Pins) -> Result<Journal, DatapathError> {
    read_pages(pins, control(pins)?.bank & 1)
}

/// Writes a text page by page. The first page that is not full is the last one, so what an earlier text left behind it
/// need not be removed.
fn write_pages(pins: &Pins, place: u32, value: &impl Serialize) -> Result<(), DatapathError> {
    const MAP: &str = "JOURNAL";
    let text = serde_json::to_vec(value).map_err(DatapathError::Journal)?;
    let limit = JOURNAL_PAGE_BYTES * (MAX_JOURNAL_PAGES as usize / 3) - 1;
    if text.len() > limit {
        return Err(DatapathError::JournalFull { bytes: text.len(), limit });
    }
    let mut pages: HashMap<MapData, u32, JournalPage> = hash(pins, MAP)?;
    for number in 0..=text.len() / JOURNAL_PAGE_BYTES {
        let rest = &text[number * JOURNAL_PAGE_BYTES..];
        let chunk = &rest[..rest.len().min(JOURNAL_PAGE_BYTES)];
        let mut page = JournalPage {
            used: u32::try_from(chunk.len()).unwrap_or(0),
            reserved: 0,
            bytes: [0; JOURNAL_PAGE_BYTES],
        };
        page.bytes[..chunk.len()].copy_from_slice(chunk);
        pages.insert(page_key(place, number), page, 0).map_err(written(MAP))?;
    }
    Ok(())
}

fn read_pages<T: DeserializeOwned + Default>(pins: &Pins, place: u32) -> Result<T, DatapathError> {
    const MAP: &str = "JOURNAL";
    let pages: HashMap<MapData, u32, JournalPage> = hash(pins, MAP)?;
    let mut text = Vec::new();
    for number in 0.. {
        match pages.get(&page_key(place, number), 0) {
            Ok(page) => {
                let used = JOURNAL_PAGE_BYTES.min(page.used as usize);
                text.extend_from_slice(&page.bytes[..used]);
                if used < JOURNAL_PAGE_BYTES {
                    break;
                }
            }
            // Nothing was written yet.
            Err(MapError::KeyNotFound) => break,
            Err(source) => return Err(read(MAP)(source)),
        }
    }
    if text.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&text).map_err(DatapathError::Journal)
}

pub(super) fn counter(pins: &Pins, counter: u32) -> Result<CounterSum, DatapathError> {
    const MAP: &str = "COUNTERS";
    let values = per_cpu::<Counter>(pins, MAP)?.get(&counter, 0).map_err(read(MAP))?;
    let at = |ns: u64| (ns != 0).then_some(BootInstant { ns });
    Ok(CounterSum {
        packets: values.iter().map(|cpu| cpu.packets).sum(),
        bytes: values.iter().map(|cpu| cpu.bytes).sum(),
        first: values.iter().filter_map(|cpu| at(cpu.first_ns)).min(),
        last: values.iter().filter_map(|cpu| at(cpu.last_ns)).max(),
    })
}

pub(super) fn clear_counters(pins: &Pins, counters: &[u32]) -> Result<(), DatapathError> {
    const MAP: &str = "COUNTERS";
    let mut map = per_cpu::<Counter>(pins, MAP)?;
    for &counter in counters {
        let cpus = map.get(&counter, 0).map_err(read(MAP))?.len();
        let zero = PerCpuValues::try_from(vec![Counter::default(); cpus])
            .map_err(|error| written(MAP)(MapError::IoError(error)))?;
        map.set(counter, zero, 0).map_err(written(MAP))?;
    }
    let mut states = array::<RuleState>(pins, STATES)?;
    counters
        .iter()
        .try_for_each(|&counter| states.set(counter, RuleState::default(), 0).map_err(written(STATES)))
}

/// What narrowed rules remember.
const STATES: &str = "STATES";

pub(super) fn observed(pins: &Pins) -> Result<Vec<u64>, DatapathError> {
    const MAP: &str = "OBSERVED";
    let map = per_cpu::<u64>(pins, MAP)?;
    (0..OBSERVATIONS).map(|what| Ok(map.get(&what, 0).map_err(read(MAP))?.iter().sum())).collect()
}
