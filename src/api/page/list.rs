//! The first page: the newest messages of both directions, and a form to write one.

use maud::{Markup, html};

use super::layout::{badge, fault, shell, size, time};
use crate::api::intake::MAX_SUBJECT;
use crate::gateway::ModemView;
use crate::model::{Direction, MessageId};
use crate::store::{PartInfo, Summary};

/// Recipients shown in a line of the list.
const SHOWN_RECIPIENTS: usize = 2;

/// The page.
pub(super) fn page(
    modems: &[ModemView],
    messages: &[Summary],
    next: Option<&MessageId>,
    first: bool,
    to: &str,
) -> Markup {
    let body = html! {
        div.columns {
            section.feed aria-labelledby="feed-title" {
                h1 #feed-title { @if first { "Messages" } @else { "Older messages" } }
                ol #messages .messages data-live {
                    @for message in messages { (row(message)) }
                    @if messages.is_empty() {
                        li.empty.card data-key="empty" {
                            img src="/assets/icon.svg" alt="" width="56" height="56";
                            h2 { "No messages yet" }
                            p {
                                "Pictures that arrive at the SIM’s number appear here by themselves. "
                                "Write the first one with the form."
                            }
                        }
                    }
                }
                nav.pages aria-label="Pages" {
                    @if !first { a href="/" { "Newest messages" } }
                    @if let Some(next) = next {
                        a href={ "/?after=" (next) } { "Older messages" }
                    }
                }
            }
            (compose(to))
        }
    };
    shell("Messages", Some(modems), &body)
}

fn row(message: &Summary) -> Markup {
    let outbound = message.direction == Direction::Outbound;
    let shown = message.parts.iter().find(|part| part.media_type.top() == "image");
    let files = message.parts.iter().filter(|part| is_attachment(part)).count();
    html! {
        li.card.message data-key=(message.id) {
            a.message-link href={ "/messages/" (message.id) } {
                @if let Some(part) = shown {
                    (thumbnail(message, part))
                } @else {
                    span.thumb.no-picture aria-hidden="true" { @if outbound { "↗" } @else { "↙" } }
                }
                span.message-body {
                    span.message-head {
                        span.party {
                            span.way { @if outbound { "To " } @else { "From " } }
                            (parties(message))
                        }
                        (time(message.created_at))
                    }
                    @if let Some(subject) = &message.subject { span.subject { (subject) } }
                    @if let Some(text) = &message.text {
                        @if !text.trim().is_empty() { span.text { (text) } }
                    }
                    span.message-foot {
                        (badge(message.state))
                        @if files > 1 { span.muted { (files) " files" } }
                        @if let Some(part) = shown { span.muted { (size(part.size)) } }
                        span.progress data-stage=(message.id) {}
                    }
                }
            }
            @if let Some(error) = &message.fault { (fault(error)) }
        }
    }
}

/// The other side of a message, in one line.
pub(super) fn parties(message: &Summary) -> String {
    match message.direction {
        Direction::Inbound => {
            message.from.as_ref().map_or_else(|| "a hidden number".to_owned(), ToString::to_string)
        }
        Direction::Outbound => {
            let shown: Vec<String> = message
                .recipients
                .iter()
                .take(SHOWN_RECIPIENTS)
                .map(|recipient| recipient.address.to_string())
                .collect();
            match message.recipients.len().saturating_sub(SHOWN_RECIPIENTS) {
                0 => shown.join(", "),
                more => format!("{} and {more} more", shown.join(", ")),
            }
        }
    }
}

/// Whether a part is a file of its own rather than the text or the presentation.
pub(super) fn is_attachment(part: &PartInfo) -> bool {
    !part.media_type.is_smil() && part.media_type.as_str() != "text/plain"
}

fn thumbnail(message: &Summary, part: &PartInfo) -> Markup {
    html! {
        img.thumb src={ "/api/v1/messages/" (message.id) "/parts/" (part.index) "/thumbnail" }
            alt={ "Picture " (part.name.as_deref().unwrap_or("")) } width="88" height="88" loading="lazy";
    }
}

fn compose(to: &str) -> Markup {
    html! {
        section.compose.card aria-labelledby="compose-title" {
            h2 #compose-title { "New message" }
            form #compose method="post" action="/messages" enctype="multipart/form-data" {
                div.field {
                    label for="to" { "To" }
                    input #to name="to" type="text" inputmode="tel" required autocomplete="off"
                        placeholder="+44 7700 900123" aria-describedby="to-help" value=(to);
                    small #to-help { "Several numbers: separate them with commas." }
                }
                div.field {
                    label for="subject" { "Subject " span.muted { "(optional)" } }
                    input #subject name="subject" type="text" maxlength=(MAX_SUBJECT) autocomplete="off";
                }
                div.field {
                    label for="text" { "Text" }
                    textarea #text name="text" rows="4" {}
                }
                div.field {
                    label for="file" { "Pictures and files" }
                    input #file name="file" type="file" multiple aria-describedby="file-help";
                    small #file-help { "Most operators take about 300 kB in all." }
                }
                label.check {
                    input type="checkbox" name="delivery_report" value="yes" checked;
                    " Tell me when it was delivered"
                }
                p #compose-error .form-error role="alert" hidden {}
                button type="submit" { "Send" }
            }
        }
    }
}
