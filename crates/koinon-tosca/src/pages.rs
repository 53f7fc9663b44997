//! The pages about diagnostics, `docs/diagnostics/`: the meaning of each code, the reason, an
//! example, and the repair.

use crate::code::Code;

/// Expands codes to the table of their pages.
macro_rules! pages {
    ($($code:literal,)*) => {
        [$(($code, include_str!(concat!("../../../docs/diagnostics/", $code, ".md"))),)*]
    };
}

/// The pages by code.
static PAGES: &[(&str, &str)] = &pages![
    "K0001", "K0002", "K0003", "K0004", "K0005", "K0006", "K0007", "K0008", "K0009", "K0010",
    "K0011", "K0012", "K0013", "K0014", "K0015", "K0101", "K0102", "K0103", "K0104", "K0105",
    "K0106", "K0107", "K0108", "K0109", "K0110", "K0201", "K0202", "K0203", "K0204", "K0205",
    "K0206", "K0207", "K0301", "K0302", "K0303", "K0304", "K0305", "K0306", "K0307", "K0308",
    "K0309", "K0310", "K0311", "K0312", "K0313", "K0314", "K0315", "K0401", "K0402", "K0403",
    "K0404", "K0405", "K0406", "K0407", "K0408", "K0409", "K0410", "K0411", "K0501", "K0502",
    "K0503", "K0504", "K0505", "K0506", "K0507", "K0508", "K0509", "K0510", "K0511", "K0901",
];

impl Code {
    /// Returns the code with a name such as `K0103` or `k0103`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }

    /// Returns the documentation of the code, in Markdown.
    pub fn page(self) -> &'static str {
        let page = PAGES.iter().find(|(code, _)| *code == self.as_str());
        page.expect("BUG: every code has a page, as a test checks").1
    }

    /// Returns the title of the code's page.
    pub fn title(self) -> &'static str {
        let heading = self.page().lines().next();
        let title = heading.and_then(|heading| heading.split_once(": "));
        title.expect("BUG: every page has a title, as a test checks").1
    }
}
