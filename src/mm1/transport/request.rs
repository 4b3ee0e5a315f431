//! Request heads as operators want them: target, Host by name, identity, templates.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Uri, header};

use super::Failure;
use super::body::HeldBody;
use super::url::HttpUrl;
use crate::codec::mms;
use crate::mm1::Identity;
use crate::model::country_code_length;
use crate::model::redact::Secret;
use crate::operators::Settings;

/// What phones send; some MMSCs look for their own type in it.
const ACCEPT: &str = "*/*, application/vnd.wap.mms-message, application/vnd.wap.sic";

/// One transaction to be made.
#[derive(Debug, Clone)]
pub(in crate::mm1) struct Call {
    /// Whom to ask for what.
    pub(in crate::mm1) url: HttpUrl,
    /// The PDU of a POST; `None` for a GET.
    pub(in crate::mm1) pdu: Option<Bytes>,
    /// Most octets of the answer.
    pub(in crate::mm1) limit: usize,
}

/// The fields that are the same in every request.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    fields: Vec<(HeaderName, HeaderValue)>,
    /// What only the proxy may see (RFC 9110 clause 11.7.2).
    for_proxy: Vec<(HeaderName, HeaderValue)>,
    content_type: HeaderValue,
    proxied: bool,
}

/// The fields, or which setting cannot be written and why: told when a request is to be made.
#[derive(Debug, Clone)]
pub(super) struct Prepared(Result<Heads, (String, String)>);

impl Prepared {
    pub(super) fn new(settings: &Settings, identity: &Identity) -> Self {
        Self(Heads::new(settings, identity.own_number.as_deref(), identity.imsi.as_deref()))
    }

    /// # Errors
    /// [`Failure::Unusable`].
    pub(super) fn heads(&self) -> Result<&Heads, Failure> {
        self.0.as_ref().map_err(|(what, reason)| Failure::Unusable {
            what: what.clone(),
            reason: reason.clone(),
        })
    }
}

impl Heads {
    /// Reads the settings.
    ///
    /// # Errors
    /// Which header cannot be written and why.
    pub(super) fn new(
        settings: &Settings,
        own_number: Option<&str>,
        imsi: Option<&str>,
    ) -> Result<Self, (String, String)> {
        let mut fields = Vec::new();
        let mut for_proxy = Vec::new();
        let mut add = |name: &str, value: &str| -> Result<(), (String, String)> {
            let unusable = |reason: &str| (format!("header {name}"), reason.to_owned());
            let field = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| unusable("this is no name of a header"))?;
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| unusable("its value has characters that no header may have"))?;
            if field == header::PROXY_AUTHORIZATION {
                value.set_sensitive(true);
                for_proxy.push((field, value));
            } else {
                fields.push((field, value));
            }
            Ok(())
        };
        if !settings.user_agent.is_empty() {
            add("user-agent", &settings.user_agent)?;
        }
        add("accept", ACCEPT)?;
        if !settings.uaprof_url.is_empty() {
            add(&settings.uaprof_header, &settings.uaprof_url)?;
        }
        for (name, template) in &settings.extra_headers {
            let nai = settings.nai.as_ref().map(Secret::expose);
            let value = fill(template, own_number, imsi, nai)
                .map_err(|reason| (format!("header {name}"), reason))?;
            add(name, &value)?;
        }
        if let Some((user, password)) = &settings.proxy_login {
            let login = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
            add("proxy-authorization", &format!("Basic {login}"))?;
        }
        if settings.connection_close {
            add("connection", "close")?;
        }
        let charset = if settings.content_type_charset { "; charset=utf-8" } else { "" };
        let content_type = HeaderValue::from_str(&format!("{}{charset}", mms::CONTENT_TYPE))
            .map_err(|_| ("content-type".to_owned(), "unusable".to_owned()))?;
        Ok(Self { fields, for_proxy, content_type, proxied: settings.proxy.is_some() })
    }

    /// The fields for a transport that is not HTTP: each choice of Accept by itself, nothing about
    /// the connection.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        // The gateway is the proxy.
        for (name, value) in self.fields.iter().chain(&self.for_proxy) {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            match *name {
                header::CONNECTION => {}
                header::ACCEPT => pairs
                    .extend(value.split(',').map(|one| (name.to_string(), one.trim().to_owned()))),
                _ => pairs.push((name.to_string(), value)),
            }
        }
        pairs
    }

    /// Content-Type of a PDU.
    pub(super) fn content_type(&self) -> String {
        String::from_utf8_lossy(self.content_type.as_bytes()).into_owned()
    }

    /// The request and the length of its head on the wire.
    ///
    /// # Errors
    /// When the URL's host cannot stand in a header.
    pub(super) fn request(
        &self,
        call: &Call,
        body: HeldBody,
    ) -> Result<(Request<HeldBody>, u64), String> {
        let mut request = Request::new(body);
        // What TLS protects passes the proxy unseen.
        let to_proxy = self.proxied && !call.url.is_secure();
        *request.uri_mut() =
            if to_proxy { call.url.absolute_form() } else { call.url.origin_form() };
        let host = HeaderValue::from_str(&call.url.host_field()).map_err(|e| e.to_string())?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        for (name, value) in &self.fields {
            headers.append(name.clone(), value.clone());
        }
        // Without a proxy its owner has asked for it in so many words.
        for (name, value) in self.for_proxy.iter().filter(|_| to_proxy || !self.proxied) {
            headers.append(name.clone(), value.clone());
        }
        if let Some(pdu) = &call.pdu {
            headers.insert(header::CONTENT_TYPE, self.content_type.clone());
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(pdu.len()));
            *request.method_mut() = Method::POST;
        }
        let length = length_of(&request);
        Ok((request, length))
    }

    /// The request for a tunnel through the proxy (RFC 9110 clause 9.3.6).
    ///
    /// # Errors
    /// When the URL's host cannot stand in a header.
    pub(super) fn tunnel(&self, url: &HttpUrl) -> Result<Request<HeldBody>, String> {
        let target = url.authority_form();
        let mut request = Request::new(HeldBody::free(Bytes::new()));
        *request.method_mut() = Method::CONNECT;
        let host = HeaderValue::from_str(&target).map_err(|error| error.to_string())?;
        *request.uri_mut() = target.parse::<Uri>().map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        let agent = self.fields.iter().filter(|(name, _)| *name == header::USER_AGENT);
        for (name, value) in agent.chain(&self.for_proxy) {
            headers.append(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// Octets of a request's head on the wire.
fn length_of(request: &Request<HeldBody>) -> u64 {
    let fields: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + ": \r\n".len() + value.len())
        .sum();
    let line = format!("{} {} HTTP/1.1\r\n\r\n", request.method(), request.uri()).len();
    u64::try_from(line + fields).unwrap_or(u64::MAX)
}

/// Fills `{LINE1}` (digits of the own number), `{LINE1NOCC}` (without the country's code), `{IMSI}`
/// and `{NAI}` (itself a template, in Base64) in.
fn fill(
    template: &str,
    own_number: Option<&str>,
    imsi: Option<&str>,
    nai: Option<&str>,
) -> Result<String, String> {
    let mut out = template.to_owned();
    if out.contains("{NAI}") {
        let nai = nai.ok_or("it needs the network access identifier: set nai")?;
        let nai = fill(&nai.replace("{NAI}", ""), own_number, imsi, None)?;
        out = out.replace("{NAI}", &BASE64_STANDARD.encode(nai));
    }
    if out.contains("{LINE1") {
        let number = own_number.ok_or("it needs the SIM's number: set own_number")?;
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let national = if number.trim_start().starts_with('+') {
            digits.get(country_code_length(&digits)..).unwrap_or_default().to_owned()
        } else {
            digits.trim_start_matches('0').to_owned()
        };
        out = out.replace("{LINE1NOCC}", &national).replace("{LINE1}", &digits);
    }
    if out.contains("{IMSI}") {
        let imsi = imsi.ok_or("it needs the SIM's IMSI, which the modem did not tell")?;
        out = out.replace("{IMSI}", imsi);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_take_the_number_with_and_without_its_country() {
        let number = Some("+15551234567");
        assert_eq!(fill("1{LINE1NOCC}", number, None, None), Ok("15551234567".into()));
        assert_eq!(fill("{LINE1}", number, None, None), Ok("15551234567".into()));
        assert_eq!(fill("{LINE1NOCC}", Some("+447700900123"), None, None), Ok("7700900123".into()));
        assert_eq!(fill("{LINE1NOCC}", Some("+353861234567"), None, None), Ok("861234567".into()));
        assert_eq!(
            fill("{IMSI}", None, Some("234150000000001"), None),
            Ok("234150000000001".into())
        );
        let nai = Some("{LINE1NOCC}@pcs.example:pcs");
        assert_eq!(
            fill("Basic {NAI}", number, None, nai),
            Ok("Basic NTU1MTIzNDU2N0BwY3MuZXhhbXBsZTpwY3M=".into())
        );
        assert_eq!(fill("plain", None, None, None), Ok("plain".into()));
    }

    #[test]
    fn template_without_its_number_is_refused() {
        assert!(fill("{NAI}", None, None, None).unwrap_err().contains("set nai"));
        assert!(fill("{NAI}", None, None, Some("{LINE1}@x")).unwrap_err().contains("own_number"));
        assert!(fill("{LINE1}", None, None, None).unwrap_err().contains("own_number"));
        assert!(fill("{IMSI}", None, None, None).unwrap_err().contains("IMSI"));
    }
}
