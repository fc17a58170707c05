//! Trunks that share calls: by priority, and by weight among those of one priority.

use router::Random;

/// A trunk of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkMember {
    /// The trunk's name.
    pub trunk: String,
    /// Lower ones first.
    pub priority: u32,
    /// Its share of the calls among those of its priority; 0: hardly any.
    pub weight: u32,
}

/// Trunks that share calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkGroup {
    /// Its name.
    pub name: String,
    /// Its trunks.
    pub members: Vec<TrunkMember>,
}

impl TrunkGroup {
    /// Its trunks in the order in which one call tries them: drawn as hosts of a service are (RFC 2782).
    pub(crate) fn ordered(&self, random: &mut Random) -> Vec<&TrunkMember> {
        let mut left: Vec<&TrunkMember> = self.members.iter().collect();
        left.sort_by_key(|member| (member.priority, member.weight != 0));
        let mut ordered = Vec::with_capacity(left.len());
        while let Some(priority) = left.first().map(|member| member.priority) {
            let among = left.iter().take_while(|member| member.priority == priority);
            let sum: u64 = among.map(|member| u64::from(member.weight)).sum();
            // 1 to the sum: a weight of 0 is drawn where there is no other.
            let drawn = random.below(sum) + u64::from(sum > 0);
            let mut running = 0;
            let chosen = left.iter().position(|member| {
                running += u64::from(member.weight);
                running >= drawn
            });
            ordered.push(left.remove(chosen.unwrap_or(0)));
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(trunk: &str, priority: u32, weight: u32) -> TrunkMember {
        TrunkMember { trunk: trunk.to_owned(), priority, weight }
    }

    #[test]
    fn each_has_its_share_and_priorities_are_kept() {
        let members = vec![member("spare", 2, 9), member("big", 1, 75), member("small", 1, 25), member("none", 1, 0)];
        let group = TrunkGroup { name: "g".to_owned(), members };
        let mut random = Random::from_seed(3);
        let mut firsts = std::collections::BTreeMap::<String, u32>::new();
        for _ in 0..10_000 {
            let ordered = group.ordered(&mut random);
            assert_eq!((ordered.len(), ordered[3].trunk.as_str()), (4, "spare"));
            *firsts.entry(ordered[0].trunk.clone()).or_default() += 1;
        }
        assert!(firsts["big"].abs_diff(7_500) < 300 && firsts["small"].abs_diff(2_500) < 300, "{firsts:?}");
        assert!(!firsts.contains_key("none"));
    }
}
