//! One message: its content, its recipients, what happened and when.

use maud::{Markup, html};

use super::layout::{badge, fault, sentence, shell, size, time};
use super::list::{is_attachment, parties};
use crate::api::query;
use crate::api::view::{may_cancel, may_retry};
use crate::gateway::ModemView;
use crate::model::{Direction, InboundState, OutboundState, Part, State};
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
    let title = format!("{} {}", if outbound { "To" } else { "From" }, parties(message));
    let body = html! {
        nav.back { a href="/" { "← All messages" } }
        div #message .detail data-live {
            article.card.content data-key="content" {
                header {
                    h1 { (title) }
                    div.message-foot {
                        (badge(message.state))
                        (time(message.created_at))
                        @if let Some(modem) = &message.modem { span.muted { "by " (modem) } }
                        span.progress data-stage=(message.id) {}
                    }
                }
                @if let Some(error) = &message.fault { (fault(error)) }
                (explain(message.state))
                @if let Some(subject) = &message.subject { h2.subject { (subject) } }
                (content(message, texts))
                (actions(message))
            }
            div.side data-key="side" {
                @if outbound && !message.recipients.is_empty() { (recipients(message)) }
                section.card {
                    h2 { "What happened" }
                    ol.timeline {
                        @for entry in &view.timeline { (step(entry)) }
                    }
                    @if let Some(at) = view.next_attempt_at {
                        @if !message.state.is_settled() {
                            p.muted { "Next attempt: " (time(at)) }
                        }
                    }
                }
                (facts(view))
            }
        }
    };
    shell(&title, Some(modems), &body)
}

fn content(message: &Summary, texts: &[(usize, String)]) -> Markup {
    html! {
        @for part in &message.parts {
            @if let Some((_, text)) = texts.iter().find(|(index, _)| *index == part.index) {
                @if !text.trim().is_empty() { p.body-text { (text) } }
            } @else if part.media_type.top() == "image" {
                figure {
                    a href=(part_url(message, part)) {
                        img.picture src=(part_url(message, part)) loading="lazy"
                            alt={ "Picture " (part.name.as_deref().unwrap_or("without a name")) };
                    }
                    figcaption.muted { (label(part)) }
                }
            }
        }
        @if message.parts.is_empty() {
            p.muted {
                @if message.direction == Direction::Inbound { "The content is not here yet." }
                @else { "This message has no content." }
            }
        } @else {
            details.files {
                summary { "All parts (" (message.parts.len()) ")" }
                ul {
                    @for part in &message.parts {
                        li {
                            a href=(part_url(message, part)) download { (label(part)) }
                            @if !is_attachment(part) && part.media_type.is_smil() {
                                span.muted { " (presentation)" }
                            }
                            br;
                            code.hash title="SHA-256" { (part.sha256) }
                        }
                    }
                }
            }
        }
    }
}

fn actions(message: &Summary) -> Markup {
    let again = match message.state {
        State::Out(OutboundState::Unknown) => "Send again anyway",
        State::Out(_) => "Send again",
        State::In(_) => "Fetch again",
    };
    let sender = message.from.as_ref().filter(|_| message.direction == Direction::Inbound);
    html! {
        @if let Some(sender) = sender {
            p { a.button href={ "/?to=" (query::encode(sender.text())) "#compose" } { "Reply" } }
        }
        @if may_retry(message.state) {
            form.action method="post" action={ "/messages/" (message.id) "/retry" } {
                button type="submit" { (again) }
            }
        }
        @if may_cancel(message.state) {
            form.action method="post" action={ "/messages/" (message.id) "/cancel" } {
                button.quiet type="submit" { "Cancel" }
            }
        }
    }
}

fn explain(state: State) -> Markup {
    let text = match state {
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
                        @if let Some(error) = &recipient.fault {
                            @if message.recipients.len() > 1 { (fault(error)) }
                        }
                    }
                }
            }
        }
    }
}

fn step(entry: &TimelineEntry) -> Markup {
    html! {
        li {
            (time(entry.at))
            p {
                strong { (sentence(&entry.state)) }
                @if let Some(recipient) = &entry.recipient { " · " (recipient.to_string()) }
            }
            @if !entry.text.is_empty() && entry.text != entry.state { p { (sentence(&entry.text)) } }
            @if let Some(error) = &entry.fault {
                @if !entry.text.contains(error.summary.as_str()) {
                    p.muted { (sentence(&error.summary)) }
                }
            }
        }
    }
}

fn facts(view: &MessageView) -> Markup {
    let message = &view.summary;
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
                @if view.attempts > 1 { dt { "Attempts" } dd { (view.attempts) } }
                @if let Some(at) = view.expires_at { dt { "Worth trying until" } dd { (time(at)) } }
                @if let Some(id) = &view.message_id {
                    dt { "The operator’s Message-ID" } dd { code { (id) } }
                }
                @for recipient in &message.recipients {
                    @if let Some(id) = &recipient.mmsc_message_id {
                        dt { "The operator’s Message-ID" } dd { code { (id) } }
                    }
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

fn label(part: &PartInfo) -> String {
    let name = part
        .name
        .as_deref()
        .or(part.content_location.as_deref())
        .map_or_else(|| format!("part {}", part.index), str::to_owned);
    format!("{name} · {} · {}", part.media_type, size(part.size))
}
