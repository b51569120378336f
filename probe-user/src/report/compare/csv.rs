//! The numbers of a comparison for other programs: a line a run, and a line a combination and measure.

use crate::{
    compare::{Comparison, Reading},
    report::ReportError,
};

/// `runs.csv`: what was set, what came of it, and every number; `never` is what did not happen, nothing what nobody saw.
pub fn runs_csv(comparison: &Comparison) -> Result<String, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let factors = comparison.factors.iter().map(|factor| factor.key.as_str());
    let measures = || comparison.measures.iter().map(|measure| measure.name.as_str());
    let facts = ["repetition", "turn", "lab", "directory", "seconds", "verdict", "counts"];
    writer.write_record(factors.chain(facts).chain(measures())).map_err(failed)?;
    for cell in &comparison.cells {
        for run in &cell.runs {
            let verdict = run.verdict.and_then(|verdict| serde_json::to_value(verdict).ok());
            let facts = [
                run.repetition.to_string(),
                run.turn.to_string(),
                run.lab.clone(),
                run.directory.clone(),
                format!("{:.3}", run.took_s),
                verdict.and_then(|verdict| verdict.as_str().map(str::to_owned)).unwrap_or_default(),
                run.counts.to_string(),
            ];
            let reading = |name: &str| match run.readings.get(name) {
                Some(Reading::Number(number)) => number.to_string(),
                Some(Reading::Never(_)) => "never".to_owned(),
                Some(Reading::Nothing) | None => String::new(),
            };
            let readings = measures().map(reading);
            writer.write_record(cell.levels.iter().cloned().chain(facts).chain(readings)).map_err(failed)?;
        }
    }
    text(writer)
}

/// `summary.csv`: medians and their spread over the runs that count.
pub fn summary_csv(comparison: &Comparison) -> Result<String, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let factors = comparison.factors.iter().map(|factor| factor.key.as_str());
    let numbers =
        ["measure", "runs", "happened", "median", "lower_quartile", "upper_quartile", "least", "most"];
    writer.write_record(factors.chain(numbers)).map_err(failed)?;
    for cell in &comparison.cells {
        for measure in &comparison.measures {
            let Some(spread) = cell.spreads.get(&measure.name) else { continue };
            let late =
                |number: Option<f64>| number.map_or_else(|| "never".to_owned(), |number| number.to_string());
            let numbers = [
                measure.name.clone(),
                spread.runs.to_string(),
                spread.happened.to_string(),
                late(spread.median),
                late(spread.lower),
                late(spread.upper),
                late(spread.least),
                late(spread.most),
            ];
            writer.write_record(cell.levels.iter().cloned().chain(numbers)).map_err(failed)?;
        }
    }
    text(writer)
}

fn text(writer: csv::Writer<Vec<u8>>) -> Result<String, ReportError> {
    let bytes = writer.into_inner().map_err(|error| failed(csv::Error::from(error.into_error())))?;
    String::from_utf8(bytes).map_err(|source| ReportError::Format { format: "CSV", source: source.into() })
}

fn failed(source: csv::Error) -> ReportError {
    ReportError::Format { format: "CSV", source: source.into() }
}
