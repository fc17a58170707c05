//! Who is in a conference (RFC 4575): in full to who asks, and from then on what has changed.
//!
//! A member is an account's or a trunk's end of a call: an endpoint of the user that it is shown as. Users have no more than a URI to be known by, so
//! two telephones of one are two endpoints of one user, and all who are not to be shown are one.

use super::calls::DialogState;
use super::package::Content;
use super::xml::{DECLARATION, Escaped};
use crate::digest::Algorithm;
use crate::message::{Scheme, Uri};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

/// Who is not to be shown.
const HIDDEN: &str = "sip:anonymous@anonymous.invalid";

/// A member as a subscriber knows it: its user's URI, and the name of its leg.
pub(crate) type Told = (String, String);

/// All members, as they are told.
pub(crate) fn members<'a>(dialogs: impl Iterator<Item = &'a DialogState>, domain: &str) -> Vec<Told> {
    dialogs.map(|dialog| (user_of(dialog, domain), dialog.leg_id.clone())).collect()
}

/// The body. `told`: what the subscriber was told last, so that what has changed since is enough; `None`: all of it.
pub(crate) fn write<'a>(
    dialogs: impl Iterator<Item = &'a DialogState>,
    told: Option<&[Told]>,
    entity: &str,
    domain: &str,
) -> Content {
    let mut users: BTreeMap<String, Vec<&DialogState>> = BTreeMap::new();
    let mut state = DefaultHasher::new();
    let mut count = 0;
    for dialog in dialogs {
        count += 1;
        let user = user_of(dialog, domain);
        state.write(user.as_bytes());
        state.write(dialog.leg_id.as_bytes());
        users.entry(user).or_default().push(dialog);
    }
    state.write_usize(count);
    // Whose endpoints are others now than they were.
    let changed = told.map(|told| {
        let now =
            users.iter().flat_map(|(user, legs)| legs.iter().map(move |leg| (user.as_str(), leg.leg_id.as_str())));
        let now: BTreeSet<_> = now.collect();
        let before: BTreeSet<_> = told.iter().map(|(user, leg)| (user.as_str(), leg.as_str())).collect();
        now.symmetric_difference(&before).map(|(user, _)| (*user).to_owned()).collect::<BTreeSet<_>>()
    });
    let kind = if changed.is_some() { "partial" } else { "full" };
    let entity = Escaped(entity);
    let mut head = String::with_capacity(256);
    let _ = write!(
        head,
        "{DECLARATION}<conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\"{entity}\" state=\"{kind}\" version=\""
    );
    let mut rest = String::with_capacity(512);
    let _ = write!(
        rest,
        "\">\r\n<conference-state><user-count>{}</user-count><active>{}</active></conference-state>\r\n<users state=\"{kind}\">\r\n",
        users.len(),
        count > 0
    );
    for (user, legs) in &users {
        if changed.as_ref().is_none_or(|changed| changed.contains(user)) {
            write_user(&mut rest, user, legs);
        }
    }
    for gone in changed.iter().flatten().filter(|user| !users.contains_key(*user)) {
        let _ = write!(rest, "<user entity=\"{}\" state=\"deleted\"/>\r\n", Escaped(gone));
    }
    rest.push_str("</users>\r\n");
    let tail = "</conference-info>\r\n".to_owned();
    Content { head, rest: Some(rest), tail, tells_gone: false, state: Some(state.finish()) }
}

fn write_user(rest: &mut String, user: &str, legs: &[&DialogState]) {
    let entity = Escaped(user);
    let _ = write!(rest, "<user entity=\"{entity}\" state=\"full\">");
    let display = legs.iter().find_map(|leg| leg.other.as_ref()?.display_name.as_ref());
    if let Some(display) = display.filter(|_| user != HIDDEN) {
        let _ = write!(rest, "<display-text>{}</display-text>", Escaped(display.reveal()));
    }
    for leg in legs {
        let method = if leg.incoming { "dialed-in" } else { "dialed-out" };
        // RFC 4575 §5.7: any URI that tells this endpoint from the others. Its Call-ID is its phone's, which may have written its address
        // in it.
        let call = endpoint_of(&leg.leg_id);
        let _ = write!(
            rest,
            "<endpoint entity=\"{entity};call={}\" state=\"full\"><status>connected</status>\
             <joining-method>{method}</joining-method>\
             <media id=\"1\"><type>audio</type><status>sendrecv</status></media></endpoint>",
            call
        );
    }
    rest.push_str("</user>\r\n");
}

/// What tells an endpoint from the others, the same for as long as it is there.
fn endpoint_of(leg_id: &str) -> String {
    let hash = Algorithm::Sha256.hash(&[leg_id.as_bytes()]);
    hash.as_bytes().iter().take(8).fold(String::new(), |told, octet| format!("{told}{octet:02x}"))
}

/// The URI that a member is told by.
fn user_of(dialog: &DialogState, domain: &str) -> String {
    let user = dialog.other.as_ref().map(|party| party.user()).filter(|user| !user.is_empty());
    let uri = user.and_then(|user| Uri::sip(Scheme::Sip, Some(user), domain, None));
    uri.map_or_else(|| HIDDEN.to_owned(), |uri| uri.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{LegPhase, Party};

    fn member(leg_id: &str, user: Option<&str>) -> DialogState {
        DialogState {
            leg_id: leg_id.to_owned(),
            incoming: true,
            phase: LegPhase::Answered,
            tags: None,
            other: user.map(|user| Party::new(user, "x")),
        }
    }

    fn body(members: &[DialogState], told: Option<&[Told]>) -> String {
        write(members.iter(), told, "sip:sales@example.net", "example.net").numbered(7)
    }

    #[test]
    fn all_of_it_and_what_has_changed() {
        let two = [member("a@1", Some("alice")), member("b", None)];
        let full = body(&two, None);
        assert!(full.contains("state=\"full\" version=\"7\""), "{full}");
        assert!(full.contains("<user-count>2</user-count><active>true</active>"));
        assert!(full.contains("<user entity=\"sip:alice@example.net\" state=\"full\">"));
        assert!(full.contains(&format!("<user entity=\"{HIDDEN}\"")));
        assert!(!full.contains("a@1") && !full.contains("call=a") && full.contains(&endpoint_of("a@1")), "{full}");
        assert_ne!(endpoint_of("a@1"), endpoint_of("a@2"));
        let told = members(two.iter(), "example.net");
        let three = [two[0].clone(), member("c", Some("carol"))];
        let partial = body(&three, Some(&told));
        assert!(partial.contains("state=\"partial\" version=\"7\"") && partial.contains("<users state=\"partial\">"));
        assert!(partial.contains("sip:carol@") && !partial.contains("sip:alice@"), "{partial}");
        assert!(partial.contains(&format!("<user entity=\"{HIDDEN}\" state=\"deleted\"/>")));
        // The second telephone of a user hangs up: the user is told with what is left.
        let phones = [member("a@1", Some("alice")), member("a@2", Some("alice"))];
        let told = members(phones.iter(), "example.net");
        let left = body(&phones[..1], Some(&told));
        assert!(left.contains("state=\"full\"><endpoint") && left.matches("<endpoint").count() == 1, "{left}");
        let empty = body(&[], Some(&told));
        assert!(empty.contains("<user-count>0</user-count><active>false</active>"), "{empty}");
    }

    #[test]
    fn the_same_members_are_the_same_state_however_they_are_told() {
        let one = [member("a", Some("alice"))];
        let told = members(one.iter(), "example.net");
        let of = |members: &[DialogState], told| write(members.iter(), told, "sip:s@h", "h").fingerprint();
        assert_eq!(of(&one, None), of(&one, Some(&told[..])));
        assert_ne!(of(&one, None), of(&[], None));
    }

    #[test]
    fn names_are_escaped() {
        let mut bad = member("<\"&", Some("a<b"));
        bad.other.as_mut().unwrap().display_name = Some("</user>".to_owned().into());
        let told = body(&[bad], None);
        assert!(!told.contains("</user></") && !told.contains("<\"&") && told.contains("&lt;/user&gt;"), "{told}");
    }
}
