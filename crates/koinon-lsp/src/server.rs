//! The session: messages and finished analyses in, answers and diagnostics out.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;
use crossbeam_channel::select;
use gen_lsp_types as lsp;
use gen_lsp_types::Uri;
use koinon_tosca::Budgets;
use koinon_tosca::Diagnostic;
use koinon_tosca::Severity;
use koinon_tosca::SourceRange;
use koinon_tosca::editor;
use koinon_tosca::editor::Analysis;
use koinon_tosca::editor::CompletionKind;
use koinon_tosca::editor::Symbol;
use koinon_tosca::editor::SymbolKind;
use lsp_server::Connection;
use lsp_server::ErrorCode;
use lsp_server::Message;
use lsp_server::Notification;
use lsp_server::Request;
use lsp_server::RequestId;
use lsp_server::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::builtin::BuiltinFiles;
use crate::documents::Document;
use crate::documents::DocumentFiles;
use crate::documents::DocumentPath;
use crate::documents::is_tosca;
use crate::text::DocumentText;
use crate::text::Encoding;

type Failure = Box<dyn Error + Send + Sync>;

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// The client sent `shutdown` and `exit`.
    InOrder,
    /// The client sent `exit` alone, or is gone.
    Abrupt,
}

/// A document to analyse.
struct AnalysisJob {
    uri: Uri,
    files: DocumentFiles,
    last: Option<Arc<Analysis>>,
}

/// A finished analysis.
struct AnalysisDone {
    uri: Uri,
    analysis: Analysis,
    /// The analysed text.
    text: Arc<str>,
}

struct LanguageSession {
    sender: Sender<Message>,
    encoding: Encoding,
    folders: Vec<std::path::PathBuf>,
    documents: BTreeMap<Uri, Document>,
    analyses: BTreeMap<Uri, Arc<Analysis>>,
    /// The last symbols of documents, for while they are not valid YAML.
    symbols: BTreeMap<Uri, Vec<lsp::DocumentSymbol>>,
    /// The diagnostics of each document's analysis, by file.
    found: BTreeMap<Uri, BTreeMap<Uri, Vec<lsp::Diagnostic>>>,
    /// Documents whose newest text is not analysed yet.
    stale: BTreeSet<Uri>,
    /// The document that is being analysed.
    busy: Option<Uri>,
    /// Requests that wait for the analysis of a document.
    waiting: Vec<(Uri, Request)>,
    jobs: Sender<AnalysisJob>,
    builtin: BuiltinFiles,
}

/// Serves a client until it is gone.
pub(crate) fn serve(connection: Connection) -> Result<SessionEnd, Failure> {
    let (id, params) = connection.initialize_start()?;
    let words = |pointer: &str| -> Vec<String> {
        let list = params.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|one| Some(one.as_str()?.to_owned())).collect()
    };
    let encoding = Encoding::choose(&words("/capabilities/general/positionEncodings"));
    let workspace = params.pointer("/workspaceFolders").and_then(Value::as_array);
    let folders = workspace
        .into_iter()
        .flatten()
        .filter_map(|folder| folder.get("uri"))
        .chain(params.get("rootUri"))
        .filter_map(Value::as_str)
        // Folders that are not on this machine cannot be read.
        .filter_map(|uri| Uri::parse(uri).ok()?.to_file_path().ok())
        .collect();
    let result = lsp::InitializeResult {
        capabilities: capabilities(encoding),
        server_info: Some(lsp::ServerInfo {
            name: "koinon".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    };
    connection.initialize_finish(id, serde_json::to_value(result)?)?;

    // One job and one result at a time: an analysis reads the newest text when it begins, not when
    // it is requested.
    let (jobs, todo) = bounded::<AnalysisJob>(1);
    let (results, done) = bounded::<AnalysisDone>(1);
    let worker = thread::Builder::new().name("analysis".to_owned());
    drop(worker.spawn(move || analyse(&todo, &results))?);
    let mut server = LanguageSession {
        sender: connection.sender.clone(),
        encoding,
        folders,
        documents: BTreeMap::new(),
        analyses: BTreeMap::new(),
        symbols: BTreeMap::new(),
        found: BTreeMap::new(),
        stale: BTreeSet::new(),
        busy: None,
        waiting: Vec::new(),
        jobs,
        builtin: BuiltinFiles::new()?,
    };
    loop {
        // Apply all edits that have arrived before an analysis begins.
        while let Ok(message) = connection.receiver.try_recv() {
            if let Some(ended) = server.message(&connection, message)? {
                return Ok(ended);
            }
        }
        server.begin()?;
        select! {
            recv(connection.receiver) -> message => {
                let Ok(message) = message else { return Ok(SessionEnd::Abrupt) };
                if let Some(ended) = server.message(&connection, message)? {
                    return Ok(ended);
                }
            }
            recv(done) -> done => server.done(done?)?,
        }
    }
}

/// Analyses jobs until their channel closes.
fn analyse(jobs: &Receiver<AnalysisJob>, results: &Sender<AnalysisDone>) {
    for AnalysisJob { uri, files, last } in jobs {
        let start = Instant::now();
        let budgets = Budgets::default();
        let analysis = editor::analyse(&files, &files.home.path, &budgets, last.as_deref());
        tracing::debug!("analysed {uri} in {:?}", start.elapsed());
        let text = files.own;
        if results.send(AnalysisDone { uri, analysis, text }).is_err() {
            return;
        }
    }
}

fn capabilities(encoding: Encoding) -> lsp::ServerCapabilities {
    let sync = lsp::TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(lsp::TextDocumentSyncKind::Incremental),
        save: Some(true.into()),
        ..<_>::default()
    };
    let completion = lsp::CompletionOptions {
        trigger_characters: Some([":", "$", " ", "["].map(str::to_owned).to_vec()),
        ..<_>::default()
    };
    lsp::ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(sync.into()),
        completion_provider: Some(completion),
        hover_provider: Some(true.into()),
        definition_provider: Some(true.into()),
        document_symbol_provider: Some(true.into()),
        ..<_>::default()
    }
}

impl LanguageSession {
    /// Handles a message; returns the end of the session if this was it.
    fn message(
        &mut self,
        connection: &Connection,
        message: Message,
    ) -> Result<Option<SessionEnd>, Failure> {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(Some(SessionEnd::InOrder));
                }
                self.request(request)?;
            }
            Message::Notification(notification) if notification.method == "exit" => {
                return Ok(Some(SessionEnd::Abrupt));
            }
            Message::Notification(notification) => {
                let method = notification.method.clone();
                if let Err(error) = self.notification(notification) {
                    tracing::warn!(%error, "cannot handle {method}");
                }
            }
            Message::Response(_) => {}
        }
        Ok(None)
    }

    fn notification(&mut self, notification: Notification) -> Result<(), Failure> {
        let Notification { method, params } = notification;
        match method.as_str() {
            "textDocument/didOpen" => {
                let params: lsp::DidOpenTextDocumentParams = serde_json::from_value(params)?;
                let lsp::TextDocumentItem { uri, version, text, .. } = params.text_document;
                let home = DocumentPath::of(&uri, &self.folders);
                let text = DocumentText::new(&text);
                self.documents
                    .insert(uri.clone(), Document { uri: uri.clone(), version, text, home });
                self.changed(&uri);
            }
            "textDocument/didChange" => {
                let params: lsp::DidChangeTextDocumentParams = serde_json::from_value(params)?;
                let uri = params.text_document.text_document_identifier.uri;
                let Some(document) = self.documents.get_mut(&uri) else { return Ok(()) };
                document.version = params.text_document.version;
                for change in params.content_changes {
                    document.text = document.text.edited(change, self.encoding);
                }
                self.changed(&uri);
            }
            "textDocument/didClose" => {
                let params: lsp::DidCloseTextDocumentParams = serde_json::from_value(params)?;
                self.close(&params.text_document.uri)?;
            }
            // Imported files that are not open may have changed.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.stale = self.documents.keys().cloned().collect();
            }
            "$/cancelRequest" => {
                let params: lsp::CancelParams = serde_json::from_value(params)?;
                let id = match params.id {
                    lsp::Id::Int(id) => RequestId::from(id),
                    lsp::Id::String(id) => RequestId::from(id),
                };
                self.cancel(&id)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Marks a document as stale, and all documents that read it.
    fn changed(&mut self, uri: &Uri) {
        self.stale.insert(uri.clone());
        let path = uri.to_file_path().ok();
        for document in self.documents.values() {
            let (Some(folder), Some(analysis)) =
                (&document.home.folder, self.analyses.get(&document.uri))
            else {
                continue;
            };
            if analysis.files().any(|file| Some(folder.join(file)) == path) {
                self.stale.insert(document.uri.clone());
            }
        }
    }

    fn close(&mut self, uri: &Uri) -> Result<(), Failure> {
        self.changed(uri);
        self.documents.remove(uri);
        self.analyses.remove(uri);
        self.symbols.remove(uri);
        self.stale.remove(uri);
        let waiting = std::mem::take(&mut self.waiting);
        let (gone, kept) = waiting.into_iter().partition(|(other, _)| other == uri);
        self.waiting = kept;
        for (_, request) in gone {
            self.answer(request.id, &Value::Null)?;
        }
        self.publish(uri, BTreeMap::new())
    }

    fn cancel(&mut self, id: &RequestId) -> Result<(), Failure> {
        let Some(at) = self.waiting.iter().position(|(_, request)| request.id == *id) else {
            return Ok(());
        };
        let (_, request) = self.waiting.remove(at);
        let code = ErrorCode::RequestCanceled as i32;
        let response = Response::new_err(request.id, code, "cancelled".to_owned());
        Ok(self.sender.send(response.into())?)
    }

    /// Starts the analysis of the next stale document, unless one is running.
    fn begin(&mut self) -> Result<(), Failure> {
        while self.busy.is_none()
            && let Some(uri) = self.stale.pop_first()
        {
            let Some(document) = self.documents.get(&uri) else { continue };
            let text = &document.text.text;
            let ours = uri.to_file_path().is_ok_and(|path| self.builtin.contains(&path));
            if ours || !is_tosca(&uri, text) {
                self.analyses.remove(&uri);
                self.publish(&uri, BTreeMap::new())?;
                self.resume(&uri)?;
                continue;
            }
            let texts = self.documents.values().filter_map(|document| {
                Some((document.uri.to_file_path().ok()?, document.text.text.clone()))
            });
            let open = Arc::new(texts.collect());
            let (home, own) = (document.home.clone(), text.clone());
            let last = self.analyses.get(&uri).cloned();
            self.busy = Some(uri.clone());
            self.jobs.send(AnalysisJob { uri, files: DocumentFiles { home, open, own }, last })?;
        }
        Ok(())
    }

    /// Handles a finished analysis. If the text changed since, it only serves completion and the
    /// next analysis.
    fn done(&mut self, done: AnalysisDone) -> Result<(), Failure> {
        self.busy = None;
        let AnalysisDone { uri, analysis, text } = done;
        let Some(document) = self.documents.get(&uri) else { return Ok(()) };
        let newest = *document.text.text == *text && !self.stale.contains(&uri);
        let home = document.home.clone();
        let analysis = Arc::new(analysis);
        self.analyses.insert(uri.clone(), analysis.clone());
        if !newest {
            return Ok(());
        }
        let mut found: BTreeMap<Uri, Vec<lsp::Diagnostic>> = BTreeMap::new();
        for diagnostic in analysis.diagnostics() {
            let Some(file) = self.uri(&home, &diagnostic.place.file, &analysis) else { continue };
            let shown = self.diagnostic(&home, diagnostic, &analysis);
            found.entry(file).or_default().push(shown);
        }
        self.publish(&uri, found)?;
        self.resume(&uri)
    }

    /// Answers the requests that waited for a document.
    fn resume(&mut self, uri: &Uri) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let (ready, kept) = waiting.into_iter().partition(|(other, _)| other == uri);
        self.waiting = kept;
        for (_, request) in ready {
            self.respond(request)?;
        }
        Ok(())
    }

    /// Publishes the diagnostics of a document's analysis, with those that other documents have in
    /// the same files.
    fn publish(
        &mut self,
        root: &Uri,
        found: BTreeMap<Uri, Vec<lsp::Diagnostic>>,
    ) -> Result<(), Failure> {
        let mut files: BTreeSet<Uri> = found.keys().cloned().collect();
        files.insert(root.clone());
        let before = self.found.insert(root.clone(), found);
        files.extend(before.into_iter().flat_map(BTreeMap::into_keys));
        for uri in files {
            let mut diagnostics: Vec<lsp::Diagnostic> = Vec::new();
            for one in self.found.values().filter_map(|found| found.get(&uri)).flatten() {
                if !diagnostics.contains(one) {
                    diagnostics.push(one.clone());
                }
            }
            let version = self.documents.get(&uri).map(|document| document.version);
            let params = lsp::PublishDiagnosticsParams { uri, version, diagnostics };
            let method = "textDocument/publishDiagnostics".to_owned();
            self.sender.send(Notification::new(method, params).into())?;
        }
        Ok(())
    }

    /// Returns the URI of a file of an analysis.
    fn uri(&self, home: &DocumentPath, file: &str, analysis: &Analysis) -> Option<Uri> {
        if let Some(name) = file.strip_prefix("profile ") {
            return self.builtin.profile(name, analysis.text(file)?);
        }
        if file.contains("://") {
            return Uri::parse(file).ok();
        }
        match &home.folder {
            Some(folder) => Uri::from_file_path(folder.join(file)).ok(),
            None => {
                let mut nowhere = self.documents.values().filter(|one| one.home.folder.is_none());
                nowhere.next().map(|document| document.uri.clone())
            }
        }
    }

    fn diagnostic(
        &self,
        home: &DocumentPath,
        one: &Diagnostic,
        analysis: &Analysis,
    ) -> lsp::Diagnostic {
        let related = one.related.iter().filter_map(|related| {
            let uri = self.uri(home, &related.place.file, analysis)?;
            let location = lsp::Location { uri, range: self.place(&related.place) };
            Some(lsp::DiagnosticRelatedInformation { location, message: related.text.clone() })
        });
        let mut message = one.message.clone();
        for hint in &one.hints {
            message.push_str(&format!("\nhelp: {hint}"));
        }
        lsp::Diagnostic {
            range: self.place(&one.place),
            severity: Some(match one.severity {
                Severity::Error => lsp::DiagnosticSeverity::Error,
                Severity::Warning => lsp::DiagnosticSeverity::Warning,
            }),
            code: Some(one.code.as_str().to_owned().into()),
            code_description: self.builtin.page(one.code).map(|href| lsp::CodeDescription { href }),
            source: Some("koinon".to_owned()),
            message: message.into(),
            related_information: Some(related.collect()),
            ..<_>::default()
        }
    }

    /// Returns the range of a diagnostic, cut to one line.
    fn place(&self, place: &SourceRange) -> lsp::Range {
        let text = place.line_text(place.line);
        let range = place.in_line();
        let at = |byte| lsp::Position {
            line: place.line.saturating_sub(1),
            character: self.encoding.column(text, byte),
        };
        lsp::Range { start: at(range.start), end: at(range.end) }
    }

    fn request(&mut self, request: Request) -> Result<(), Failure> {
        let document = request.params.pointer("/textDocument/uri").and_then(Value::as_str);
        let Some(uri) = document.and_then(|uri| Uri::parse(uri).ok()) else {
            return self.respond(request);
        };
        let known = self.analyses.contains_key(&uri);
        let waits = match request.method.as_str() {
            "textDocument/hover" | "textDocument/definition" => true,
            // While somebody types, an old answer now is better than a new one later.
            "textDocument/completion" => !known,
            _ => false,
        };
        let due = self.stale.contains(&uri) || self.busy.as_ref() == Some(&uri);
        if waits && due && self.documents.contains_key(&uri) {
            self.waiting.push((uri, request));
            return Ok(());
        }
        self.respond(request)
    }

    fn respond(&mut self, request: Request) -> Result<(), Failure> {
        let Request { id, method, params } = request;
        match method.as_str() {
            "textDocument/hover" => self.reply(id, params, Self::hover),
            "textDocument/definition" => self.reply(id, params, Self::definition),
            "textDocument/completion" => self.reply(id, params, Self::completion),
            "textDocument/documentSymbol" => self.reply(id, params, Self::document_symbols),
            _ => {
                let code = ErrorCode::MethodNotFound as i32;
                let message = format!("unknown request `{method}`");
                Ok(self.sender.send(Response::new_err(id, code, message).into())?)
            }
        }
    }

    fn reply<P: DeserializeOwned, R: Serialize>(
        &mut self,
        id: RequestId,
        params: Value,
        answer: impl FnOnce(&mut Self, P) -> R,
    ) -> Result<(), Failure> {
        match serde_json::from_value(params) {
            Ok(params) => {
                let result = answer(self, params);
                self.answer(id, &result)
            }
            Err(error) => {
                let code = ErrorCode::InvalidParams as i32;
                Ok(self.sender.send(Response::new_err(id, code, error.to_string()).into())?)
            }
        }
    }

    fn answer<R: Serialize>(&self, id: RequestId, result: &R) -> Result<(), Failure> {
        Ok(self.sender.send(Response::new_ok(id, result).into())?)
    }

    /// Returns the document, its analysis and the byte offset of a position.
    fn at(&self, at: &lsp::TextDocumentPositionParams) -> Option<(&Document, &Analysis, usize)> {
        let document = self.documents.get(&at.text_document.uri)?;
        let analysis = self.analyses.get(&at.text_document.uri)?;
        Some((document, analysis, document.text.offset(at.position, self.encoding)))
    }

    fn hover(&mut self, params: lsp::HoverParams) -> Option<lsp::Hover> {
        let (document, analysis, offset) = self.at(&params.text_document_position_params)?;
        let hover = analysis.hover(&document.text.text, offset)?;
        let contents = lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value: hover.text };
        let range = document.text.range(&hover.range, self.encoding);
        Some(lsp::Hover { contents: lsp::Contents::MarkupContent(contents), range: Some(range) })
    }

    fn definition(&mut self, params: lsp::DefinitionParams) -> Option<lsp::Location> {
        let (document, analysis, offset) = self.at(&params.text_document_position_params)?;
        let found = analysis.definition(&document.text.text, offset)?;
        let uri = self.uri(&document.home, &found.file, analysis)?;
        let text = DocumentText::new(analysis.text(&found.file)?);
        Some(lsp::Location { uri, range: text.range(&found.range, self.encoding) })
    }

    fn completion(&mut self, params: lsp::CompletionParams) -> Vec<lsp::CompletionItem> {
        let Some((document, analysis, offset)) = self.at(&params.text_document_position_params)
        else {
            return Vec::new();
        };
        let found = analysis.complete(&document.text.text, offset).into_iter().enumerate();
        let item = |(at, one): (usize, editor::Completion)| {
            let range = document.text.range(&one.range, self.encoding);
            let doc = lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value: one.doc };
            lsp::CompletionItem {
                label: one.label,
                kind: Some(match one.kind {
                    CompletionKind::Keyname => lsp::CompletionItemKind::Keyword,
                    CompletionKind::Type => lsp::CompletionItemKind::Class,
                    CompletionKind::Member => lsp::CompletionItemKind::Property,
                    CompletionKind::Template => lsp::CompletionItemKind::Variable,
                    CompletionKind::Function => lsp::CompletionItemKind::Function,
                    CompletionKind::Word => lsp::CompletionItemKind::Value,
                    CompletionKind::File => lsp::CompletionItemKind::File,
                }),
                detail: Some(one.detail),
                documentation: (!doc.value.is_empty())
                    .then_some(lsp::Documentation::MarkupContent(doc)),
                // Keep the order of the tables, not that of the alphabet.
                sort_text: Some(format!("{at:06}")),
                text_edit: Some(lsp::TextEdit { range, new_text: one.insert }.into()),
                ..<_>::default()
            }
        };
        found.map(item).collect()
    }

    fn document_symbols(
        &mut self,
        params: lsp::DocumentSymbolParams,
    ) -> Option<Vec<lsp::DocumentSymbol>> {
        let uri = params.text_document.uri;
        let document = self.documents.get(&uri)?;
        if let Some(found) = editor::symbols(&document.text.text) {
            let found = found.into_iter().map(|one| symbol(one, &document.text, self.encoding));
            self.symbols.insert(uri.clone(), found.collect());
        }
        self.symbols.get(&uri).cloned()
    }
}

#[expect(deprecated, reason = "the struct has a deprecated field")]
fn symbol(one: Symbol, text: &DocumentText, encoding: Encoding) -> lsp::DocumentSymbol {
    let children = one.children.into_iter().map(|one| symbol(one, text, encoding)).collect();
    lsp::DocumentSymbol {
        name: one.name,
        detail: Some(one.detail),
        kind: match one.kind {
            SymbolKind::Section => lsp::SymbolKind::Namespace,
            SymbolKind::Type => lsp::SymbolKind::Class,
            SymbolKind::Template => lsp::SymbolKind::Object,
            SymbolKind::Member => lsp::SymbolKind::Field,
        },
        tags: None,
        deprecated: None,
        range: text.range(&one.range, encoding),
        selection_range: text.range(&one.name_range, encoding),
        children: Some(children),
    }
}
