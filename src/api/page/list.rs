//! The first page: the newest messages of both directions, and a form to write one.

use maud::{Markup, html};

use super::layout::{Icon, Strip, badge_of, fault, icon, shell, size, time};
use crate::api::intake::MAX_SUBJECT;
use crate::gateway::ModemView;
use crate::model::{Direction, InboundState, Kind, MessageId, State};
use crate::store::{PartInfo, Summary};

/// Recipients shown in a line of the list.
const SHOWN_RECIPIENTS: usize = 2;

/// What the form starts with.
pub(super) struct Form<'a> {
    /// The recipients filled in.
    pub(super) to: &'a str,
    /// What it sends.
    pub(super) kind: Kind,
    /// Most octets that an operator takes; none where no modem carries MMS.
    pub(super) limit: Option<usize>,
    /// The modems to choose from.
    pub(super) modems: &'a [ModemView],
}

/// The page.
pub(super) fn page(
    messages: &[Summary],
    next: Option<&MessageId>,
    first: bool,
    form: &Form<'_>,
    alarms: &Markup,
) -> Markup {
    let body = html! {
        (alarms)
        div.columns {
            section.feed aria-labelledby="feed-title" {
                div.feed-head {
                    h1 #feed-title { @if first { "Messages" } @else { "Older messages" } }
                    a.button.new-message href="#compose" { "New message" }
                }
                ol #messages .messages data-live {
                    @for message in messages { (row(message)) }
                    @if messages.is_empty() {
                        li.empty.card data-key="empty" {
                            img src="/assets/icon.svg" alt="" width="56" height="56";
                            h2 { @if first { "No messages yet" } @else { "No older messages" } }
                            @if first {
                                p {
                                    "Pictures that arrive at the SIM’s number appear here by "
                                    "themselves. Write the first one with the form."
                                }
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
            (compose(form, messages.is_empty() && first))
        }
    };
    shell("Messages", Strip::Whole(form.modems), &body)
}

fn row(message: &Summary) -> Markup {
    let files = message.parts.iter().filter(|part| is_attachment(part));
    let (count, octets) =
        files.fold((0, 0), |(count, octets), part| (count + 1, octets + part.size));
    html! {
        li.card.message data-key=(message.id) {
            a.message-link href={ "/messages/" (message.id) } {
                (thumbnail(message))
                span.message-body {
                    span.message-head {
                        span.party { (way(message)) (parties(message)) }
                        (time(message.created_at))
                    }
                    @if let Some(subject) = &message.subject { span.subject dir="auto" { (subject) } }
                    @if let Some(text) = &message.text {
                        @if !text.trim().is_empty() { span.text dir="auto" { (text.trim()) } }
                    }
                    span.message-foot {
                        (badge_of(message))
                        (marks(message))
                        @if count > 1 { span.muted { (count) " files · " (size(octets)) } }
                        @if count == 1 { span.muted { (size(octets)) } }
                        span.progress data-stage=(message.id) {}
                    }
                }
            }
            @if let Some(error) = &message.fault { (fault(error, message.state)) }
        }
    }
}

/// What is special about a message, in a word each.
pub(super) fn marks(message: &Summary) -> Markup {
    let sms = message.sms.as_ref();
    html! {
        @if let Some(sms) = sms {
            span.kind { @if sms.segments > 1 { (sms.segments) " " } "SMS" }
        }
        @if sms.is_some_and(|sms| sms.class == Some(0)) {
            span.muted title="Class 0: phones show it at once and do not keep it" { "Flash" }
        }
        @if sms.is_some_and(|sms| !sms.missing.is_empty()) { span.muted { "Incomplete" } }
        @if message.historic {
            span.muted title="It was on the SIM before the gateway first saw that SIM" { "Old" }
        }
    }
}

/// Which way a message goes, before the other side's name.
pub(super) fn way(message: &Summary) -> Markup {
    html! {
        @match message.direction {
            Direction::Outbound => { span.way { span aria-hidden="true" { "↗ " } span.way-word { "To " } } }
            Direction::Inbound if is_unreadable(message) => {}
            Direction::Inbound => { span.way.in { span aria-hidden="true" { "↙ " } span.way-word { "From " } } }
        }
    }
}

/// Whether this is an announcement that could not be read: nobody knows who sent what.
fn is_unreadable(message: &Summary) -> bool {
    message.direction == Direction::Inbound
        && message.from.is_none()
        && message
            .fault
            .as_ref()
            .is_some_and(|fault| matches!(&*fault.code, "push-undecodable" | "pdu-undecodable"))
}

/// The other side of a message, in one line.
pub(super) fn parties(message: &Summary) -> String {
    match message.direction {
        Direction::Inbound if is_unreadable(message) => "An unreadable announcement".to_owned(),
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

/// The first picture over a drawing, which shows while the picture loads or when it cannot.
fn thumbnail(message: &Summary) -> Markup {
    let picture = message.parts.iter().find(|part| part.media_type.top() == "image");
    let drawing = match message.state {
        _ if picture.is_some() => Icon::Picture,
        _ if is_unreadable(message) => Icon::Alert,
        _ if message.parts.iter().any(is_attachment) => Icon::File,
        State::In(InboundState::Acknowledged | InboundState::Received) | State::Out(_) => {
            Icon::Text
        }
        State::In(_) => Icon::Picture,
    };
    html! {
        span.thumb {
            (icon(drawing))
            @if let Some(part) = picture.filter(|_| message.parts_removed_at.is_none()) {
                img src={ "/api/v1/messages/" (message.id) "/parts/" (part.index) "/thumbnail" }
                    alt={ "Picture " (part.name.as_deref().unwrap_or("")) }
                    width="88" height="88" loading="lazy";
            }
        }
    }
}

/// What can be sent.
fn kinds(form: &Form<'_>) -> Vec<(Kind, &'static str)> {
    let all = [(Kind::Mms, "With pictures (MMS)"), (Kind::Sms, "Text only (SMS)")];
    let can = |kind| kind == Kind::Sms || form.modems.is_empty() || form.limit.is_some();
    all.into_iter().filter(|(kind, _)| can(*kind)).collect()
}

fn compose(form: &Form<'_>, open: bool) -> Markup {
    let open = open || !form.to.is_empty();
    html! {
        section class={ "compose card" @if open { " open" } } aria-labelledby="compose-title" {
            div.compose-head {
                h2 #compose-title { "New message" }
                a.close href="#main" { "Close" }
            }
            form #compose method="post" action="/messages" enctype="multipart/form-data"
                data-limit=[form.limit] {
                fieldset.kinds {
                    legend.visually-hidden { "Kind" }
                    @for (kind, label) in kinds(form) {
                        label.check {
                            input type="radio" name="kind" value=(kind.as_str()) checked[form.kind == kind];
                            span { (label) }
                        }
                    }
                }
                div.field {
                    label for="to" { "To" }
                    input #to name="to" type="text" inputmode="tel" required
                        placeholder="+44 7700 900123" aria-describedby="to-help compose-error"
                        value=(form.to);
                    small #to-help { "Several numbers: separate them with commas." }
                }
                div.field data-only="mms" {
                    label for="subject" { "Subject " span.muted { "(optional)" } }
                    input #subject name="subject" type="text" dir="auto" maxlength=(MAX_SUBJECT);
                }
                div.field {
                    label for="text" { "Text" }
                    textarea #text name="text" rows="4" dir="auto" aria-describedby="text-help" {}
                    small #text-help data-only="sms" hidden role="status" {}
                }
                div.field data-only="mms" {
                    label for="file" { "Pictures and files" }
                    input #file name="file" type="file" multiple aria-describedby="file-help";
                    @if let Some(limit) = form.limit {
                        small #file-help { "At most " (size(limit)) " in all." }
                    } @else {
                        small #file-help { "Most operators take about 300 kB in all." }
                    }
                }
                @if form.modems.len() > 1 {
                    div.field {
                        label for="modem" { "Send by" }
                        select #modem name="modem" {
                            option value="" { "any modem that works" }
                            @for modem in form.modems { option value=(modem.name) { (modem.name) } }
                        }
                    }
                }
                label.check {
                    input type="checkbox" name="delivery_report" value="yes" checked;
                    span { "Tell me when it was delivered" }
                }
                p #compose-error .form-error role="alert" hidden {}
                button type="submit" { "Send" }
            }
        }
    }
}
