//! TTLs in a pack: of what a cache counts down, the expiry instant stands still, and so that is what is packed.
//!
//! Where a sample's TTLs are not all one, they have a shape: how many links, how many TTLs each. Samples of one shape have a
//! column for each place in it; within a link, each TTL less the first. Deliberately absent: what a TTL means.

use super::{
    Corrupt, Sample,
    bits::{Reader, put_varint},
    column,
    groups::Groups,
};

const AS_IT_IS: u8 = 0;
const AS_EXPIRY: u8 = 1;

/// How many TTLs each link has.
type Shape = Vec<usize>;

/// The lowest TTL as it follows from all of them: what `Observation::ttl` gives.
fn derived(links: &[Vec<u32>], age: Option<i64>) -> i64 {
    let age = u32::try_from(age.unwrap_or(0)).unwrap_or(0);
    let lowest = |link: &Vec<u32>| link.iter().min().map_or(0, |ttl| ttl.saturating_sub(age));
    links.iter().map(lowest).min().map_or(0, i64::from)
}

/// Whole seconds.
fn seconds(at: i64) -> i64 {
    at.div_euclid(1_000_000)
}

/// Appends the TTLs of samples received at `ats`, in the shorter of two forms.
fn put_column(out: &mut Vec<u8>, ttls: &[i64], ats: &[i64], groups: &Groups) {
    let Some(first) = ttls.first() else {
        return;
    };
    let mut plain = vec![AS_IT_IS];
    groups.put(&mut plain, ttls);
    if ttls.iter().all(|ttl| ttl == first) {
        out.extend(plain);
        return;
    }
    let expiries = ttls.iter().zip(ats);
    let expiries: Vec<_> = expiries
        .map(|(ttl, at)| ttl.wrapping_add(seconds(*at)))
        .collect();
    let mut still = vec![AS_EXPIRY];
    groups.put(&mut still, &expiries);
    out.extend(if still.len() < plain.len() {
        still
    } else {
        plain
    });
}

fn read_column(reader: &mut Reader<'_>, ats: &[i64], groups: &Groups) -> Result<Vec<i64>, Corrupt> {
    if ats.is_empty() {
        return Ok(Vec::new());
    }
    match reader.octet()? {
        AS_IT_IS => groups.read(reader),
        AS_EXPIRY => {
            let expiries = groups.read(reader)?.into_iter().zip(ats);
            Ok(expiries
                .map(|(expiry, at)| expiry.wrapping_sub(seconds(*at)))
                .collect())
        }
        _ => Err(Corrupt("an unknown form of TTLs")),
    }
}

/// Appends everything about TTLs.
pub(super) fn put(out: &mut Vec<u8>, samples: &[Sample], groups: &Groups) {
    put_links(out, samples, groups);
    column::put(out, &flags(samples, |sample| sample.ttl.is_some()));
    let (mut ttls, mut ats, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    for sample in samples {
        let Some(ttl) = sample.ttl else { continue };
        if let Some(links) = &sample.ttls {
            differences.push(ttl.wrapping_sub(derived(links, sample.age)));
        } else {
            ttls.push(ttl);
            ats.push(sample.at);
        }
    }
    let unlinked = |one: &Sample| one.ttl.is_some() && one.ttls.is_none();
    put_column(
        out,
        &ttls,
        &ats,
        &groups.of_those(samples.iter().map(unlinked)),
    );
    column::put(out, &differences);
}

/// Reads [`put`] back into samples that have their instants and ages already.
pub(super) fn read(
    reader: &mut Reader<'_>,
    samples: &mut [Sample],
    groups: &Groups,
) -> Result<(), Corrupt> {
    read_links(reader, samples, groups)?;
    let present = read_flags(reader, samples.len())?;
    let are_linked = samples.iter().map(|one| one.ttls.is_some());
    let kinds: Vec<_> = present.iter().copied().zip(are_linked).collect();
    let unlinked = || kinds.iter().map(|kind| *kind == (true, false));
    let linked = kinds.iter().filter(|kind| **kind == (true, true)).count();
    let ats = samples.iter().zip(unlinked()).filter(|(_, of)| *of);
    let ats: Vec<_> = ats.map(|(sample, _)| sample.at).collect();
    let mut ttls = read_column(reader, &ats, &groups.of_those(unlinked()))?.into_iter();
    let mut differences = column::read(reader, linked)?.into_iter();
    for (sample, _) in samples
        .iter_mut()
        .zip(&present)
        .filter(|(_, present)| **present)
    {
        sample.ttl = match &sample.ttls {
            Some(links) => {
                let derived = derived(links, sample.age);
                differences.next().map(|one| one.wrapping_add(derived))
            }
            None => ttls.next(),
        };
    }
    Ok(())
}

/// A column of what holds of each sample.
pub(super) fn flags(samples: &[Sample], holds: impl Fn(&Sample) -> bool) -> Vec<i64> {
    samples.iter().map(|one| i64::from(holds(one))).collect()
}

/// Reads [`flags`] back.
pub(super) fn read_flags(reader: &mut Reader<'_>, count: usize) -> Result<Vec<bool>, Corrupt> {
    let flag = |number| match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Corrupt("neither yes nor no")),
    };
    let numbers = column::read(reader, count)?;
    numbers.into_iter().map(flag).collect()
}

/// The shapes there are, which sample has which (0: none), and each shape's columns.
fn put_links(out: &mut Vec<u8>, samples: &[Sample], groups: &Groups) {
    let (mut shapes, mut of_samples) = (Vec::<Shape>::new(), Vec::new());
    for sample in samples {
        let shape = sample.ttls.as_ref();
        let shape = shape.map(|links| links.iter().map(Vec::len).collect::<Shape>());
        of_samples.push(shape.map_or(0, |shape| {
            let known = shapes.iter().position(|known| *known == shape);
            let place = known.unwrap_or_else(|| {
                shapes.push(shape);
                shapes.len() - 1
            });
            (place as u64).cast_signed() + 1
        }));
    }
    put_varint(out, shapes.len() as u64);
    if shapes.is_empty() {
        return;
    }
    for shape in &shapes {
        put_varint(out, shape.len() as u64);
        for ttls in shape {
            put_varint(out, *ttls as u64);
        }
    }
    column::put(out, &of_samples);
    for (number, shape) in (1..).zip(&shapes) {
        let chosen = samples.iter().zip(&of_samples);
        let chosen: Vec<_> = chosen
            .filter(|(_, of)| **of == number)
            .map(|(sample, _)| sample)
            .collect();
        let ats: Vec<_> = chosen.iter().map(|sample| sample.at).collect();
        let groups = groups.of_those(of_samples.iter().map(|of| *of == number));
        for (link, count) in shape.iter().enumerate() {
            let ttls = Link {
                chosen: &chosen,
                link,
            };
            ttls.put(out, *count, &ats, &groups);
        }
    }
}

/// A link of samples that have it.
struct Link<'a> {
    chosen: &'a [&'a Sample],
    link: usize,
}

impl Link<'_> {
    /// The TTL of each sample at a place in the link.
    fn ttls(&self, place: usize) -> Vec<i64> {
        let ttl = |sample: &&Sample| {
            let link = sample.ttls.as_ref().and_then(|links| links.get(self.link));
            link.and_then(|ttls| ttls.get(place))
                .map_or(0, |ttl| i64::from(*ttl))
        };
        self.chosen.iter().map(ttl).collect()
    }

    fn put(&self, out: &mut Vec<u8>, count: usize, ats: &[i64], groups: &Groups) {
        if count == 0 {
            return;
        }
        let first = self.ttls(0);
        put_column(out, &first, ats, groups);
        for place in 1..count {
            let ttls = self.ttls(place);
            let others = ttls.iter().zip(&first).map(|(ttl, first)| ttl - first);
            column::put(out, &others.collect::<Vec<_>>());
        }
    }
}

fn read_links(
    reader: &mut Reader<'_>,
    samples: &mut [Sample],
    groups: &Groups,
) -> Result<(), Corrupt> {
    let count = reader.count(samples.len().min(reader.left()))?;
    if count == 0 {
        return Ok(());
    }
    let shapes = (0..count)
        .map(|_| read_shape(reader))
        .collect::<Result<Vec<_>, _>>()?;
    let of_samples = column::read(reader, samples.len())?;
    for (number, shape) in (1_i64..).zip(&shapes) {
        let mut chosen: Vec<_> = samples
            .iter_mut()
            .zip(&of_samples)
            .filter(|(_, of)| **of == number)
            .map(|(sample, _)| sample)
            .collect();
        if chosen.is_empty() {
            return Err(Corrupt("a shape that no sample has"));
        }
        let groups = groups.of_those(of_samples.iter().map(|of| *of == number));
        read_shaped(reader, shape, &mut chosen, &groups)?;
    }
    let known = 0..=(count as u64).cast_signed();
    if of_samples.iter().any(|of| !known.contains(of)) {
        return Err(Corrupt("a shape that is not listed"));
    }
    Ok(())
}

/// Every place takes an octet at least, and so does every link by its length.
fn read_shape(reader: &mut Reader<'_>) -> Result<Shape, Corrupt> {
    let links = reader.count(reader.left())?;
    (0..links).map(|_| reader.count(reader.left())).collect()
}

fn read_shaped(
    reader: &mut Reader<'_>,
    shape: &Shape,
    samples: &mut [&mut Sample],
    groups: &Groups,
) -> Result<(), Corrupt> {
    let ats: Vec<_> = samples.iter().map(|sample| sample.at).collect();
    // A link without TTLs has no column, and takes memory all the same.
    reader.spend(shape.len().saturating_mul(samples.len()))?;
    for sample in samples.iter_mut() {
        sample.ttls = Some(Vec::with_capacity(shape.len()));
    }
    for count in shape {
        let mut first = Vec::new();
        for sample in samples.iter_mut() {
            sample.ttls.get_or_insert_default().push(Vec::new());
        }
        for place in 0..*count {
            let ttls = if place == 0 {
                first = read_column(reader, &ats, groups)?;
                first.clone()
            } else {
                let others = column::read(reader, samples.len())?;
                let ttls = others.iter().zip(&first);
                ttls.map(|(other, first)| other.wrapping_add(*first))
                    .collect()
            };
            for (sample, ttl) in samples.iter_mut().zip(ttls) {
                let ttl = u32::try_from(ttl).map_err(|_| Corrupt("a TTL of more than 32 bits"))?;
                let link = sample.ttls.get_or_insert_default().last_mut();
                link.ok_or(Corrupt("no link"))?.push(ttl);
            }
        }
    }
    Ok(())
}
