//! Messages made to cost much.

use super::*;
use crate::probe::message::{Message as Decoded, name::steps};

/// As many records as 64 KiB hold, each of whose names goes through as many labels and pointers as a name may: an owner,
/// and so many names in its RDATA.
fn costly(rtype: u16, names: usize, filling: usize) -> Vec<u8> {
    // The names stand in the RDATA of a first record, of a type nobody knows.
    let mut whole = vec![0, 7, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    whole.extend([0, 0xff, 0xdc, 0, 1, 0, 0, 0, 60]);
    let data_at = whole.len() + 2;
    let mut data = vec![0];
    let mut target = data_at;
    for _ in 0..126 {
        let at = data_at + data.len();
        data.extend([1, b'x', 0xc0 | (target >> 8) as u8, target as u8]);
        target = at;
    }
    whole.extend((data.len() as u16).to_be_bytes());
    whole.extend(&data);
    let pointer = [0xc0 | (target >> 8) as u8, target as u8];
    let rdata = [pointer.repeat(names), vec![0; filling]].concat();
    let mut record = pointer.to_vec();
    record.extend(rtype.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 60]);
    record.extend((rdata.len() as u16).to_be_bytes());
    record.extend(rdata);
    let records = (65_535 - whole.len()) / record.len();
    whole.extend(record.repeat(records));
    whole[6..8].copy_from_slice(&(records as u16 + 1).to_be_bytes());
    whole
}

#[test]
fn a_message_full_of_pointers_is_read_in_steps_that_grow_with_its_octets() {
    for (rtype, names, filling) in [(2, 1, 0), (5, 1, 0), (17, 2, 0), (6, 2, 20), (65_400, 0, 0)] {
        let octets = costly(rtype, names, filling);
        steps::take();
        let decoded = Decoded::decode(&octets).unwrap();
        assert!(decoded.records.len() > 1000);
        let taken = steps::take();
        assert!(taken > octets.len(), "it costs something");
        assert!(taken < 64 * octets.len(), "{taken} steps, type {rtype}");
        let owner = name::Expanded::read(&octets, usize::from(decoded.records[1].owner));
        let question = Question {
            name: owner.unwrap().0.to_name().unwrap(),
            rtype: RecordType::A,
        };
        steps::take();
        Reply::decode(&octets).read(&question);
        let taken = steps::take();
        assert!(taken < 128 * octets.len(), "{taken} steps, type {rtype}");
    }
}
