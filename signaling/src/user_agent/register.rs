//! REGISTER (RFC 3261 §10.3, RFC 3327, 5626, 5627).

use super::authentication::{Gate, dismiss};
use super::contact::flow_text_by;
use super::gruu;
use super::means::Means;
use super::options::SUPPORTED_BY_REGISTRAR;
use crate::limits::FLOW_TIMER_S;
use crate::message::{Header, HeaderName, Message, StatusCode};
use crate::registrar::{Bindings, Changed, Refusal, Requested};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use router::time::WallTime;
use std::fmt::Write;

/// A time as Date has it (RFC 3261 §20.17): `Sat, 13 Nov 2010 23:29:00 GMT`.
fn date(at: WallTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // The first day of all, 1970-01-01, was a Thursday.
    let day = DAYS[at.as_secs().div_euclid(86_400).rem_euclid(7) as usize];
    // `2010-11-13T23:29:00.000Z`
    let text = at.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = part(5..7).parse().ok().and_then(|month: usize| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"Jan");
    format!("{day}, {} {month} {} {} GMT", part(8..10), part(0..4), part(11..19))
}

/// Serves a REGISTER; the account whose contacts it changed, or told.
pub(crate) fn serve(
    means: &mut Means,
    gate: &mut Gate,
    bindings: &mut Bindings,
    key: ServerKey,
    message: &Message,
    flow: &Flow,
) -> Option<(String, Changed)> {
    // Step 1 and 5: whom is it for?
    let domain = |uri: crate::message::UriRef<'_>| uri.scheme().is_sip() && means.config.is_own_host(uri.host());
    let (Ok(request_uri), Ok(to)) = (message.request_uri(), message.to()) else { return None };
    if !domain(request_uri) || !domain(to.uri()) {
        dismiss(means, key, message, flow, StatusCode::NOT_FOUND, None, &[]);
        return None;
    }
    let account = gate.authenticate(means, bindings, key, message, flow)?;
    // Step 4: an account registers for itself alone.
    if to.uri().user_decoded().is_none_or(|user| *user != *account) {
        means.refuse(key, message, flow, StatusCode::FORBIDDEN);
        return None;
    }
    let requested = Requested::of(message, &means.config.expiry);
    let outbound = requested.as_ref().is_ok_and(|requested| requested.outbound);
    let served = requested
        .and_then(|requested| bindings.register(means.now, &account, &requested, &flow_text_by(message, flow)));
    let tag = means.mint_tag();
    match served {
        Ok(changed) => {
            means.flows.note(flow);
            let wants_gruu = message.supports("gruu");
            if wants_gruu && changed.added + changed.refreshed > 0 {
                gruu::begin(means, bindings, &account, message);
            }
            let place = gruu::place(means, to.uri(), flow);
            let contacts = bindings.contacts(&account);
            let temporary: Vec<Option<String>> = match wants_gruu {
                true => contacts.iter().map(|contact| gruu::temporary(means, contact)).collect(),
                false => Vec::new(),
            };
            let mut writer = means.response(message, flow, StatusCode::OK, &tag);
            for (index, contact) in contacts.iter().enumerate() {
                let left = contact.expires.since(means.now.wall).as_secs();
                let mut value = format!("<{}>;expires={left}", contact.uri.reveal());
                // Writing to a String does not fail.
                if contact.q_thousandths < 1000 {
                    let _ = write!(value, ";q=0.{:03}", contact.q_thousandths);
                }
                if let Some(instance) = &contact.instance {
                    let _ = write!(value, ";+sip.instance=\"<{}>\"", instance.reveal());
                    if let Some(reg_id) = contact.reg_id {
                        let _ = write!(value, ";reg-id={reg_id}");
                    }
                    if wants_gruu {
                        let temporary = temporary.get(index).and_then(Option::as_deref);
                        gruu::write(&mut value, &account, &place, contact, temporary);
                    }
                }
                writer = writer.header(Header::Contact, value);
            }
            if outbound {
                writer = writer.header(Header::Require, "outbound");
                if flow.transport.is_reliable() {
                    writer = writer.header(HeaderName::Other("Flow-Timer"), FLOW_TIMER_S);
                }
            }
            // RFC 3327 §5.3: the path comes back to who said that it knows it.
            if message.supports("path") {
                for hop in message.paths().filter_map(Result::ok) {
                    writer = writer.raw(Header::Path, hop.raw());
                }
            }
            // RFC 3608 §6: the way that the phone's requests are to take. It is told when something is bound.
            if !contacts.is_empty() {
                for hop in &means.config.service_route {
                    writer = writer.header(Header::ServiceRoute, hop);
                }
            }
            // RFC 3261 §10.3 step 8: a phone without a clock takes ours.
            let writer = writer.header(Header::Date, date(means.now.wall));
            let response = writer.header(Header::Supported, SUPPORTED_BY_REGISTRAR).finish();
            means.respond(key, response);
            Some((account, changed))
        }
        Err(refusal) => {
            let (status, reason) = refusal.status();
            let mut writer = means.response(message, flow, status, &tag).reason(reason);
            if let Refusal::TooBrief(min) = refusal {
                writer = writer.header(Header::MinExpires, min.as_secs());
            }
            let response = writer.finish();
            means.respond(key, response);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_rfc() {
        assert_eq!(date(WallTime::from_secs(1_289_690_940)), "Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(date(WallTime::from_secs(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
