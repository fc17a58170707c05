//! In which order the hosts of a service are tried (RFC 2782).

use router::Random;

use super::records::Srv;

/// By priority; of one priority each is drawn with the chance that its weight gives it.
pub(super) fn ordered<'a>(records: &'a [Srv], random: &mut Random) -> Vec<&'a Srv> {
    // RFC 2782: those of weight 0 stand first, so that they have a small chance.
    let mut left: Vec<&Srv> = records.iter().collect();
    left.sort_by_key(|srv| (srv.priority, srv.weight != 0));
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(priority) = left.first().map(|srv| srv.priority) {
        let among = left.iter().take_while(|srv| srv.priority == priority);
        let sum: u64 = among.map(|srv| u64::from(srv.weight)).sum();
        let drawn = random.below(sum + 1);
        let mut running = 0;
        let chosen = left.iter().position(|srv| {
            running += u64::from(srv.weight);
            running >= drawn
        });
        ordered.push(left.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.into() }
    }

    #[test]
    fn each_has_its_share_and_a_lower_priority_goes_first() {
        let records = [srv(20, 0, "last"), srv(10, 60, "big"), srv(10, 30, "middle"), srv(10, 10, "small")];
        let mut random = Random::from_seed(7);
        let mut first = std::collections::BTreeMap::<String, u32>::new();
        for _ in 0..10_000 {
            let ordered = ordered(&records, &mut random);
            assert_eq!(ordered.len(), 4);
            assert_eq!(&*ordered[3].target, "last");
            *first.entry(ordered[0].target.to_string()).or_default() += 1;
        }
        for (name, share) in [("big", 6_000), ("middle", 3_000), ("small", 1_000)] {
            assert!(first[name].abs_diff(share) < 300, "{first:?}");
        }
    }

    #[test]
    fn weight_zero_is_hardly_ever_first_beside_others_and_even_among_its_like() {
        let mut random = Random::from_seed(8);
        let beside = [srv(1, 0, "none"), srv(1, 99, "all")];
        let firsts = (0..10_000).filter(|_| &*ordered(&beside, &mut random)[0].target == "none").count();
        assert!((20..300).contains(&firsts), "{firsts}");
        assert_eq!(ordered(&[srv(1, 0, "a"), srv(1, 0, "b")], &mut random).len(), 2);
        assert!(ordered(&[], &mut random).is_empty());
    }
}
