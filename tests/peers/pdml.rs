//! The tree in which tshark shows a packet, read from its PDML: XML without text between its tags.

/// A protocol or a field, with what is inside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    /// The field's name in display filters; empty for a line of text.
    pub(crate) name: String,
    /// The value as tshark shows it; of a line of text the line.
    pub(crate) show: String,
    /// The line that people see; empty where it is [`Self::show`].
    pub(crate) label: String,
    /// Where the octets are in the data that holds them, and how many.
    pub(crate) place: usize,
    pub(crate) size: usize,
    /// The octets.
    pub(crate) octets: Vec<u8>,
    /// What is inside.
    pub(crate) items: Vec<Self>,
}

impl Item {
    /// The line that people see.
    pub(crate) fn line(&self) -> &str {
        if self.label.is_empty() { &self.show } else { &self.label }
    }

    /// Every item below this one, in order.
    pub(crate) fn below(&self) -> Vec<&Self> {
        self.items.iter().flat_map(|item| std::iter::once(item).chain(item.below())).collect()
    }

    /// Every item of this name below this one.
    pub(crate) fn all(&self, name: &str) -> Vec<&Self> {
        self.below().into_iter().filter(|item| item.name == name).collect()
    }

    /// The values of every item of this name below this one.
    pub(crate) fn shows(&self, name: &str) -> Vec<&str> {
        self.all(name).into_iter().map(|item| item.show.as_str()).collect()
    }

    /// The lines of the whole tree, for messages of failed assertions.
    pub(crate) fn text(&self) -> String {
        let lines =
            self.below().into_iter().map(|item| format!("{} | {}\n", item.name, item.line()));
        format!("{}\n{}", self.line(), lines.collect::<String>())
    }
}

/// The packets of a document.
pub(crate) fn packets(document: &str) -> Vec<Item> {
    let mut open = vec![Item::default()];
    // Neither bracket stands in an attribute, but ends of lines do.
    for tag in document.split('<').skip(1) {
        let tag = tag.rsplit_once('>').map_or(tag, |(tag, _)| tag);
        if tag.starts_with(['?', '!']) || tag.starts_with("pdml") || tag.starts_with("/pdml") {
            continue;
        }
        if tag.starts_with('/') {
            let done = open.pop().expect("a tag that is open");
            open.last_mut().expect("the document").items.push(done);
            continue;
        }
        let item = Item {
            name: attribute(tag, "name"),
            show: attribute(tag, "show"),
            label: attribute(tag, "showname"),
            place: attribute(tag, "pos").parse().unwrap_or(0),
            size: attribute(tag, "size").parse().unwrap_or(0),
            // A bit field's value is a number and no octets.
            octets: hex::decode(attribute(tag, "value")).unwrap_or_default(),
            items: vec![],
        };
        if tag.ends_with('/') {
            open.last_mut().expect("the document").items.push(item);
        } else {
            open.push(item);
        }
    }
    assert_eq!(open.len(), 1, "every tag is closed");
    open.remove(0).items
}

/// The value of an attribute, its XML entities replaced; empty when there is none.
fn attribute(tag: &str, name: &str) -> String {
    let Some((_, rest)) = tag.split_once(&format!(" {name}=\"")) else { return String::new() };
    let (value, _) = rest.split_once('"').unwrap_or((rest, ""));
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once('&') {
        text.push_str(before);
        let (entity, behind) = behind.split_once(';').unwrap_or((behind, ""));
        text.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "amp" => '&',
            "apos" => '\'',
            number => number
                .strip_prefix("#x")
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .and_then(char::from_u32)
                .unwrap_or_else(|| panic!("an unknown entity: {number}")),
        });
        rest = behind;
    }
    text + rest
}

#[test]
fn tags_become_a_tree() {
    let document = r#"<?xml version="1.0"?>
<pdml version="0">
<packet>
  <proto name="mmse" showname="MMS, Type: &lt;x&gt;" size="4" pos="2">
    <field name="" show="a &quot;b&quot; &amp; c&#x27;" size="0" pos="3">
      <field name="mmse.to" showname="To: x" size="2" pos="4" show="x
" value="9778"/>
    </field>
  </proto>
</packet>
</pdml>"#;
    let packets = packets(document);
    let mms = &packets[0].items[0];
    assert_eq!((mms.line(), mms.size, mms.place), ("MMS, Type: <x>", 4, 2));
    assert_eq!(mms.items[0].line(), "a \"b\" & c'");
    assert_eq!(mms.shows("mmse.to"), ["x\n"]);
    assert_eq!(mms.all("mmse.to")[0].octets, [0x97, 0x78]);
}
