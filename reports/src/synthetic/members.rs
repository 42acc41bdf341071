//! Who is in a fleet. Each fifty operators hold the same number of special ones, at random places, so that small fleets have them too.

use super::random::Random;
use super::truth::Kind;

const BLOCK: u32 = 50;
/// The special ones of a block; one with several machines stands for [`Kind::SecondMachine`].
const SPECIAL: [(Kind, usize); 5] = [
    (Kind::SecondMachine, 4),
    (Kind::SharedMachine, 2),
    (Kind::NearCopy, 1),
    (Kind::ExactCopy, 1),
    (Kind::ComputesWrongly, 1),
];
/// Machines of an operator with several, at least and at most.
const SEVERAL: [usize; 2] = [2, 4];

/// A machine of a fleet, as its operator claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// From 0.
    pub(super) operator: u32,
    /// Of the operator's machines, from 0.
    pub(super) machine: u32,
    pub(super) kind: Kind,
    /// Whose only machine is claimed or copied.
    pub(super) of: Option<u32>,
}

/// The machines of the operators, in their order. More operators do not change those before.
pub(super) fn members(seed: u64, operators: u32) -> Vec<Member> {
    (0..operators.div_ceil(BLOCK)).flat_map(|block| of_block(seed, block, operators)).collect()
}

fn of_block(seed: u64, block: u32, operators: u32) -> Vec<Member> {
    let mut random = Random::of("members", &[seed, block.into()]);
    let kinds = kinds(&mut random);
    let (mut members, mut ordinary, mut shared) = (Vec::new(), Vec::new(), None);
    for (operator, kind) in (block * BLOCK..operators).zip(kinds) {
        // Drawn for all of them, so that each kind leaves the others' numbers alone.
        let (several, drawn) =
            (random.below(SEVERAL[1] - SEVERAL[0] + 1), random.below(ordinary.len().max(1)));
        let earlier = ordinary.get(drawn).copied();
        let of = match kind {
            Kind::NearCopy | Kind::ExactCopy => earlier,
            // In every other block three operators claim one machine, else two claim each of two.
            Kind::SharedMachine if block.is_multiple_of(2) => *shared.get_or_insert(earlier),
            Kind::SharedMachine => earlier,
            Kind::Ordinary | Kind::SecondMachine | Kind::ComputesWrongly => None,
        };
        let first = Member { operator, machine: 0, kind, of };
        if kind == Kind::SecondMachine {
            members.push(Member { kind: Kind::Ordinary, ..first });
            let further = 1..(SEVERAL[0] + several) as u32;
            members.extend(further.map(|machine| Member { machine, ..first }));
        } else {
            members.push(first);
        }
        if kind == Kind::Ordinary {
            ordinary.push(operator);
        }
    }
    members
}

/// Those of a block's operators, shuffled (Fisher and Yates); the first is ordinary, so that there is always one to copy.
fn kinds(random: &mut Random) -> Vec<Kind> {
    let mut kinds: Vec<Kind> =
        SPECIAL.into_iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, count)).collect();
    kinds.resize(BLOCK as usize - 1, Kind::Ordinary);
    for last in (1..kinds.len()).rev() {
        kinds.swap(last, random.below(last + 1));
    }
    kinds.insert(0, Kind::Ordinary);
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fifty_operators_have_all_kinds() {
        let members = members(5, 500);
        for block in 0..10 {
            let is_here = |member: &&Member| member.operator / BLOCK == block;
            for (kind, count) in SPECIAL {
                let of_kind = members.iter().filter(is_here).filter(|member| member.kind == kind);
                let mut operators: Vec<u32> = of_kind.map(|member| member.operator).collect();
                operators.dedup();
                assert_eq!(operators.len(), count, "{kind:?}");
            }
        }
        assert!(members.is_sorted_by_key(|member| (member.operator, member.machine)));
        assert_eq!(members.iter().filter(|member| member.machine == 0).count(), 500);
    }

    #[test]
    fn whoever_claims_or_copies_does_so_to_an_ordinary_operator_with_one_machine() {
        let members = members(6, 1000);
        let machines_of = |operator| members.iter().filter(move |member| member.operator == operator);
        for member in &members {
            let claims = matches!(member.kind, Kind::SharedMachine | Kind::NearCopy | Kind::ExactCopy);
            assert_eq!(member.of.is_some(), claims, "{member:?}");
            let Some(of) = member.of else { continue };
            let original: Vec<&Member> = machines_of(of).collect();
            assert!(of < member.operator && original.len() == 1 && original[0].kind == Kind::Ordinary);
        }
        let claims = |of| {
            let is_claim = |member: &&Member| member.of == Some(of) && member.kind == Kind::SharedMachine;
            members.iter().filter(is_claim).count()
        };
        let keys: Vec<usize> = (0..1000).map(|of| 1 + claims(of)).filter(|keys| *keys > 1).collect();
        assert!(keys.contains(&2) && keys.contains(&3) && keys.iter().all(|keys| *keys <= 3), "{keys:?}");
    }

    #[test]
    fn a_larger_fleet_begins_with_the_smaller_one() {
        let large = members(7, 230);
        for operators in [0, 1, 49, 50, 51, 229] {
            let small = members(7, operators);
            assert_eq!(small, large[..small.len()]);
            assert_eq!(small.last().map_or(0, |last| last.operator + 1), operators);
        }
        assert_ne!(members(8, 230), large);
    }
}
