//! The transactions that an agent sends in the background, and what becomes of them.

use koinon_chain::ChainError;

use super::reports::DueReport;
use super::reports::ReportLog;

/// The outcome of sending reports and advancing the epoch.
#[derive(Debug)]
pub(crate) struct ChainTask {
    /// The reports sent.
    pub(crate) reports: Vec<DueReport>,
    pub(crate) report_result: Result<(), ChainError>,
    /// A description of what was done, for the log.
    pub(crate) epoch_result: Result<Option<&'static str>, ChainError>,
}

impl ChainTask {
    /// Logs the outcome, and records the reports that the chain has accepted; others are sent
    /// again.
    pub(crate) fn record(self, log: &mut ReportLog) {
        match self.report_result {
            Ok(()) if self.reports.is_empty() => {}
            Ok(()) => {
                tracing::info!(reports = self.reports.len(), "reported");
                log.record(self.reports);
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot report"),
        }
        match self.epoch_result {
            Ok(Some(done)) => tracing::info!("{done}"),
            Ok(None) => {}
            // In most cases another agent was faster.
            Err(error) => tracing::info!(
                error = &error as &dyn std::error::Error,
                "no epoch was opened or dealt"
            ),
        }
    }
}
