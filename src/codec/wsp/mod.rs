//! WSP encodings that MMS and WAP Push stand on (WAP-230-WSP-20010705-a clauses 8.4 and 8.5):
//! values, headers, content types and multipart.

mod content_type;
mod multipart;

pub use content_type::ContentType;
pub use multipart::Part;
