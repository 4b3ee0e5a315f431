//! One message: its content, its recipients, what happened and when.

use maud::{Markup, html};

use super::layout::{
    Icon, Strip, badge, badge_of, condition, exact_time, fault, icon, prose, prose_with_time,
    sentence, shell, size, time, words,
};
use super::list::{marks, parties, way};
use crate::api::query;
use crate::api::view::{WaitingFor, may_cancel, may_retry};
use crate::gateway::ModemView;
use crate::model::{Address, Direction, InboundState, Kind, OutboundState, Part, State};
use crate::store::{MessageView, PartInfo, Summary, TimelineEntry};

/// Longest text part shown on the page, octets; what is longer is a download.
const MAX_SHOWN_TEXT: usize = 64 * 1024;

/// Whether the page shows this part as text.
pub(super) fn is_shown_as_text(part: &PartInfo) -> bool {
    part.media_type.as_str() == "text/plain" && part.size <= MAX_SHOWN_TEXT
}

/// A text part's octets as text.
pub(super) fn readable(part: &Part) -> String {
    let encoding = part
        .charset
        .as_deref()
        .and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()))
        .unwrap_or(encoding_rs::UTF_8);
    encoding.decode(&part.body).0.into_owned()
}

/// The page.
pub(super) fn page(modems: &[ModemView], view: &MessageView, texts: &[(usize, String)]) -> Markup {
    let message = &view.summary;
    let outbound = message.direction == Direction::Outbound;
    let title = parties(message);
    let waiting = WaitingFor::of(message, modems);
    let body = html! {
        nav.back { a href="/" { "← All messages" } }
        div #message .detail data-live {
            article.card.content data-key="content" {
                header {
                    h1.party { (way(message)) (title) }
                    div.message-foot {
                        (badge_of(message)) (marks(message))
                        (time(message.created_at))
                        @if let Some(modem) = &message.modem { span.muted { "by " (modem) } }
                        span.progress data-stage=(message.id) {}
                    }
                }
                @if let Some(error) = &message.fault {
                    (fault(error, message.state))
                } @else {
                    (explain(message))
                }
                @if let Some(waiting) = &waiting {
                    (waits(waiting))
                } @else if let Some(at) = view.next_attempt_at.filter(|_| !message.state.is_settled()) {
                    p.muted { "Next attempt: " (time(at)) }
                }
                @if let Some(subject) = &message.subject { h2.subject dir="auto" { (subject) } }
                (content(message, texts))
                (actions(view, waiting.as_ref()))
            }
            div.side data-key="side" {
                @if outbound && !message.recipients.is_empty() { (recipients(message)) }
                section.card {
                    h2 { "What happened" }
                    ol.timeline {
                        @for entry in &view.timeline { (step(entry, message)) }
                    }
                }
                (facts(view))
            }
        }
    };
    shell(&title, Strip::Brief(modems), &body)
}

fn content(message: &Summary, texts: &[(usize, String)]) -> Markup {
    html! {
        @if let Some(at) = message.parts_removed_at {
            @if let Some(text) = &message.text { p.body-text dir="auto" { (text) } }
            p.muted { "Its files were removed on " (time(at)) " to keep the messages in bounds." }
        }
        @let shown = if message.parts_removed_at.is_none() { message.parts.as_slice() } else { &[] };
        @for part in shown {
            @if let Some((_, text)) = texts.iter().find(|(index, _)| *index == part.index) {
                @if !text.trim().is_empty() { p.body-text dir="auto" { (text) } }
            } @else if part.media_type.top() == "image" {
                figure {
                    a href=(part_url(message, part)) {
                        img.picture src=(part_url(message, part)) loading="lazy"
                            alt={ "Picture " (part.name.as_deref().unwrap_or("without a name")) };
                    }
                    figcaption.muted { (name(part)) " · " (kind(part)) }
                }
            } @else if !part.media_type.is_smil() {
                a.file href=(part_url(message, part)) download {
                    (icon(Icon::File))
                    span { (name(part)) }
                    span.muted { (kind(part)) }
                }
            }
        }
        @if message.parts.is_empty() {
            p.muted {
                @match (message.direction, message.state.is_settled()) {
                    (Direction::Inbound, false) => { "The content is not here yet." }
                    (Direction::Inbound, true) => { "The content did not arrive." }
                    (Direction::Outbound, _) => { "This message has no content." }
                }
            }
        } @else {
            details.files {
                summary { "All parts (" (message.parts.len()) ")" }
                ul {
                    @for part in &message.parts {
                        li {
                            @if message.parts_removed_at.is_some() { (name(part)) } @else {
                                a href=(part_url(message, part)) download { (name(part)) }
                            }
                            span.muted {
                                " · " (kind(part))
                                @if part.media_type.is_smil() { " (presentation)" }
                            }
                            span.hash { "SHA-256 " code { (part.sha256) } }
                        }
                    }
                }
            }
        }
    }
}

/// A name of letters, as shops and parcels have it, cannot be written to.
fn may_answer(sender: &Address) -> bool {
    Address::parse_recipient(sender.text()).is_ok()
}

/// The modem that a message waits for, and what it means to send it by another one.
fn waits(waiting: &WaitingFor) -> Markup {
    html! {
        p.muted {
            "Waits for modem "
            a href={ "/modems/" (query::encode(&waiting.modem)) } { (waiting.modem) }
            ", which is " (waiting_condition(&waiting.condition)) ". It is sent as soon as the modem is back."
            @if !waiting.others.is_empty() {
                " Sent by another modem, it comes from the number of the SIM there."
            }
        }
    }
}

/// A condition behind "which is".
fn waiting_condition(name: &str) -> &'static str {
    match name {
        "failed" => "in need of you",
        "waiting" => "out of service",
        other => condition(other),
    }
}

fn actions(view: &MessageView, waiting: Option<&WaitingFor>) -> Markup {
    let message = &view.summary;
    let again = match message.state {
        State::Out(OutboundState::Unknown) => "Send again anyway",
        State::Out(_) => "Send again",
        State::In(_) => "Fetch again",
    };
    // It may arrive twice: nothing to press in passing.
    let risky = message.state == State::Out(OutboundState::Unknown);
    // Without a notification there is nowhere to fetch from.
    let possible = message.direction == Direction::Outbound || view.notification.is_some();
    let sender = message.from.as_ref().filter(|_| message.direction == Direction::Inbound);
    let retry = may_retry(message.state) && message.parts_removed_at.is_none() && possible;
    let cancel = may_cancel(message.state);
    let others = waiting.map_or(&[][..], |waiting| &waiting.others);
    html! {
        @if sender.is_some() || retry || cancel {
            div.actions {
                @if let Some(sender) = sender {
                    @if may_answer(sender) {
                        a.button href={
                            "/?to=" (query::encode(sender.text())) "&kind=" (message.kind.as_str()) "#compose"
                        } { "Reply" }
                    }
                }
                @if retry {
                    form method="post" action={ "/messages/" (message.id) "/retry" } {
                        button.quiet[risky] type="submit" { (again) }
                    }
                }
                @for other in others {
                    form method="post" action={ "/messages/" (message.id) "/retry" } {
                        button.quiet type="submit" name="modem" value=(other) { "Send by " (other) }
                    }
                }
                @if cancel {
                    form method="post" action={ "/messages/" (message.id) "/cancel" } {
                        button.quiet type="submit" { "Cancel" }
                    }
                }
            }
        }
    }
}

fn explain(message: &Summary) -> Markup {
    let text = match message.state {
        State::Out(OutboundState::Unknown) if message.kind == Kind::Sms => {
            "At least one SMS of this text went out, but the network’s answer did not come back. \
             It may have arrived: ask the recipient before you send it again."
        }
        State::Out(OutboundState::Unknown) => {
            "The whole message went out, but the operator’s answer did not come back. \
             It may have arrived: ask the recipient before you send it again."
        }
        State::Out(OutboundState::Sent) => {
            "The operator took the message. Whether the phone has it is known only with a \
             delivery report."
        }
        State::In(InboundState::Deferred) => "The message still waits at the operator.",
        _ => return html! {},
    };
    html! { p.muted.explain { (text) } }
}

fn recipients(message: &Summary) -> Markup {
    html! {
        section.card {
            h2 { "Recipients" }
            ul.recipients {
                @for recipient in &message.recipients {
                    li {
                        div.recipient {
                            span.party { (recipient.address.to_string()) }
                            (badge(State::Out(recipient.state)))
                        }
                        @if let Some(report) = &recipient.report {
                            p.muted { "Delivery report: " (report) }
                        }
                        // What all have in common stands above already.
                        @if let Some(error) = &recipient.fault {
                            @if message.fault.as_ref() != Some(error) {
                                (fault(error, State::Out(recipient.state)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn step(entry: &TimelineEntry, message: &Summary) -> Markup {
    let state = match message.direction {
        Direction::Outbound => entry.state.parse().map(State::Out),
        Direction::Inbound => entry.state.parse().map(State::In),
    };
    let several = message.recipients.len() > 1;
    let (tone, label) = state.map_or_else(
        |_| ("idle", sentence(&entry.state)),
        |state| (words(state).0, words(state).1.to_owned()),
    );
    html! {
        li class=(tone) {
            div.step { strong { (label) } (exact_time(entry.at)) }
            @if let Some(recipient) = entry.recipient.as_ref().filter(|_| several) {
                p.muted { (recipient.to_string()) }
            }
            @if !entry.text.is_empty() && entry.text != entry.state {
                p { (prose_with_time(&entry.text)) }
            }
            @if let Some(error) = &entry.fault {
                @if !entry.text.contains(error.summary.as_str()) {
                    p.muted { (prose(&error.summary)) }
                }
            }
        }
    }
}

fn facts(view: &MessageView) -> Markup {
    let message = &view.summary;
    let mut ids: Vec<(&str, Vec<String>)> = Vec::new();
    for recipient in &message.recipients {
        let Some(id) = recipient.mmsc_message_id.as_deref() else { continue };
        match ids.iter_mut().find(|(known, _)| *known == id) {
            Some((_, addresses)) => addresses.push(recipient.address.to_string()),
            None => ids.push((id, vec![recipient.address.to_string()])),
        }
    }
    html! {
        section.card {
            h2 { "Details" }
            dl {
                dt { "Id" } dd { code { (message.id) } }
                @if let Some(reference) = &message.client_ref {
                    dt { "Your reference" } dd { (reference) }
                }
                @if !view.inbound_to.is_empty() {
                    dt { "Addressed to" }
                    dd {
                        @for (index, address) in view.inbound_to.iter().enumerate() {
                            @if index > 0 { ", " } (address.to_string())
                        }
                    }
                }
                @if let Some(at) = message.sent_at { dt { "Sent" } dd { (exact_time(at)) } }
                @if let Some(sms) = message.sms.as_ref().filter(|sms| sms.segments > 1) {
                    dt { "Length" } dd { (sms.segments) " SMS" }
                }
                @if view.attempts > 1 { dt { "Attempts" } dd { (view.attempts) } }
                @if let Some(at) = view.expires_at.filter(|_| !message.state.is_settled()) {
                    dt { "Worth trying until" } dd { (time(at)) }
                }
                @if let Some(id) = &view.message_id {
                    dt { "The operator’s Message-ID" } dd { code { (id) } }
                }
                @for (id, addresses) in &ids {
                    dt {
                        "The operator’s Message-ID"
                        @if ids.len() > 1 { " for " (addresses.join(", ")) }
                    }
                    dd { code { (id) } }
                }
                @if let Some((transaction, location)) = &view.notification {
                    dt { "Transaction-Id" } dd { code { (transaction) } }
                    dt { "Content-Location" } dd { code { (location) } }
                }
            }
        }
    }
}

fn part_url(message: &Summary, part: &PartInfo) -> String {
    format!("/api/v1/messages/{}/parts/{}", message.id, part.index)
}

fn name(part: &PartInfo) -> String {
    part.name
        .as_deref()
        .or(part.content_location.as_deref())
        .map_or_else(|| format!("part {}", part.index), str::to_owned)
}

fn kind(part: &PartInfo) -> String {
    format!("{} · {}", part.media_type, size(part.size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fault, MessageId, Timestamp};

    fn failed_inbound(notification: Option<(String, String)>) -> MessageView {
        let at = Timestamp::from_millis(0);
        MessageView {
            summary: Summary {
                kind: Kind::Mms,
                sent_at: None,
                sms: None,
                historic: false,
                id: "msg_00000000000000000000000000".parse::<MessageId>().expect("an id"),
                direction: Direction::Inbound,
                state: State::In(InboundState::Failed),
                created_at: at,
                updated_at: at,
                from: None,
                recipients: Vec::new(),
                subject: None,
                text: None,
                parts: Vec::new(),
                parts_removed_at: None,
                modem: None,
                fault: Some(Fault {
                    layer: "message".to_owned(),
                    code: "push-undecodable".to_owned(),
                    summary: "a WAP Push that cannot be read".to_owned(),
                    verbatim: None,
                    remedy: "look at it with `mm1gate decode`".to_owned(),
                    blame: "operator".to_owned(),
                }),
                client_ref: None,
                forwards: None,
            },
            inbound_to: Vec::new(),
            notification,
            message_id: None,
            expires_at: None,
            attempts: 0,
            next_attempt_at: None,
            timeline: Vec::new(),
        }
    }

    #[test]
    fn unreadable_announcement_offers_nothing_to_fetch() {
        let html = page(&[], &failed_inbound(None), &[]).into_string();
        assert!(!html.contains("/retry"), "there is nowhere to fetch it from: {html}");
        assert!(html.contains("An unreadable announcement"), "nobody hid a number: {html}");
        assert!(html.contains("<code>mm1gate decode</code>"), "{html}");
        let known = Some(("T1".to_owned(), "http://mmsc.example/1".to_owned()));
        let html = page(&[], &failed_inbound(known), &[]).into_string();
        assert!(html.contains("/retry"), "{html}");
    }
}
