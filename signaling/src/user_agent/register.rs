//! REGISTER (RFC 3261 §10.3, RFC 3327).

use super::authentication::{Gate, dismiss};
use super::contact::flow_text;
use super::means::Means;
use super::options::SUPPORTED;
use crate::message::{Header, Message, StatusCode};
use crate::registrar::{Bindings, Changed, Refusal, Requested};
use crate::transaction::ServerKey;
use crate::transport::Flow;

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
    let served = Requested::of(message, &means.config.expiry)
        .and_then(|requested| bindings.register(means.now, &account, &requested, &flow_text(flow)));
    let tag = means.mint_tag();
    match served {
        Ok(changed) => {
            means.flows.note(flow);
            let mut writer = means.response(message, flow, StatusCode::OK, &tag);
            for contact in bindings.contacts(&account) {
                let left = contact.expires.since(means.now.wall).as_secs();
                let q = contact.q_thousandths;
                let uri = contact.uri.reveal();
                writer = match q {
                    1000.. => writer.header(Header::Contact, format_args!("<{uri}>;expires={left}")),
                    q => writer.header(Header::Contact, format_args!("<{uri}>;expires={left};q=0.{q:03}")),
                };
            }
            // RFC 3327 §5.3: the path comes back to who said that it knows it.
            if message.supports("path") {
                for hop in message.paths().filter_map(Result::ok) {
                    writer = writer.raw(Header::Path, hop.raw());
                }
            }
            let response = writer.header(Header::Supported, SUPPORTED).finish();
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
