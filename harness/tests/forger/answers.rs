//! What answers in a run's place, and what it leaves beside the profile.

use std::collections::{BTreeMap, BTreeSet};

use proofmark::cell::kept::keep;
use proofmark::cell::model::Model;
use proofmark_models::Output;
use proofmark_reports::Digest;
use proofmark_reports::audit::{Kept, KeptHeader, KeptOutput, tolerance_ppm};
use proofmark_workloads::Workload;

use super::Asked;
use super::cheats::Cheat;

/// Where an answer comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// A model in the place of the workload's, or the model itself.
    Model(Cheat),
    /// Nowhere: invented, or from somewhere else.
    Stated(Digest),
    /// Tokens of a cheap model, and the genuine model's numbers for them from one prefill.
    CheapDecode(Tokens),
}

/// Which tokens a forger with a cheap decoder states.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tokens {
    /// Those of the cheap model.
    Cheap,
    /// Those that the genuine model chooses behind the cheap ones.
    ChosenBehindCheap,
    /// Those of the cheap model, each logit of theirs raised to the largest of its row; the genuine answer where an audit would see it.
    CheapRaised,
}

/// Models in memory, what was kept of their outputs, and which answers are not the genuine ones.
#[derive(Default)]
pub(crate) struct Answers {
    models: BTreeMap<(String, &'static str), Model>,
    pub(crate) kept: Vec<KeptOutput>,
    /// Cell and place of answers that another digest stands for than that of the model that was asked for.
    pub(crate) changed: BTreeSet<(u64, u64)>,
}

impl Answers {
    /// The digest that the forger states.
    pub(crate) fn answer(&mut self, asked: &Asked<'_>, source: Source) -> Digest {
        let numerics = asked.workload.numerics;
        let (genuine, honestly_kept) = keep(numerics, &self.run(asked, Cheat::Honest)).unwrap();
        let (digest, kept) = match source {
            Source::Model(Cheat::Honest) => (genuine, honestly_kept),
            Source::Model(cheat) => keep(numerics, &self.run(asked, cheat)).unwrap(),
            Source::Stated(digest) => (digest, honestly_kept.filter(|_| digest == genuine)),
            Source::CheapDecode(tokens) => {
                self.cheap_decode(asked, tokens).unwrap_or((genuine, honestly_kept))
            }
        };
        if digest != genuine {
            self.changed.insert((asked.cell, asked.place));
        }
        self.kept.extend(kept.map(|kept| KeptOutput { digest, kept }));
        digest
    }

    /// What loading the cheat's model says of its weights, and its answer to the self-check.
    pub(crate) fn loaded(&mut self, workload: &Workload, cheat: Cheat) -> (Digest, Digest) {
        let model = self.model(workload, cheat);
        let input = model.prepare(vec![workload.input(proofmark_workloads::self_check_seed())]).unwrap();
        let output = model.run(&input).unwrap().output;
        (model.weights_digest, keep(workload.numerics, &output).unwrap().0)
    }

    fn model(&mut self, workload: &Workload, cheat: Cheat) -> &Model {
        let name = (workload.id.clone(), cheat.name());
        self.models.entry(name).or_insert_with(|| cheat.model(workload).unwrap())
    }

    fn run(&mut self, asked: &Asked<'_>, cheat: Cheat) -> Output {
        let model = self.model(asked.workload, cheat);
        let input = model.prepare(vec![asked.workload.input(asked.seed)]).unwrap();
        model.run(&input).unwrap().output
    }

    /// `None` where it would be seen.
    fn cheap_decode(&mut self, asked: &Asked<'_>, stated: Tokens) -> Option<(Digest, Option<Kept>)> {
        let Output::Generation { tokens: cheap, .. } = self.run(asked, Cheat::FourBitWeights) else {
            panic!("only generations are decoded")
        };
        let model = self.model(asked.workload, Cheat::Honest);
        let input = model.prepare(vec![asked.workload.input(asked.seed)]).unwrap();
        let Output::Generation { tokens: chosen, logits } = model.replay(&input, &cheap).unwrap() else {
            panic!("a generation is replayed")
        };
        let state =
            |tokens, logits| keep(asked.workload.numerics, &Output::Generation { tokens, logits }).unwrap();
        match stated {
            Tokens::Cheap => Some(state(cheap, logits)),
            Tokens::ChosenBehindCheap => {
                let (digest, kept) = state(chosen, logits);
                // An exact auditor is led over the tokens that the numbers belong to.
                let is_exact = asked.workload.numerics.is_exact();
                Some((digest, if is_exact { Some(Kept::Tokens(cheap)) } else { kept }))
            }
            Tokens::CheapRaised => {
                let width = logits.len() / cheap.iter().map(Vec::len).sum::<usize>();
                let mut raised = logits.clone();
                let rows = raised.chunks_mut(width).zip(cheap.iter().flatten().zip(chosen.iter().flatten()));
                for (row, (token, best)) in rows.filter(|(_, (token, best))| token != best) {
                    // Above the best by more than a unit in which sketches are kept.
                    row[*token as usize] = row[*best as usize] + 2.0_f32.powi(-18);
                }
                let (digest, kept) = state(cheap, raised);
                let is_near = match (&kept, tolerance_ppm(asked.workload)) {
                    (Some(Kept::Sketch(sketch)), Some(most)) => {
                        sketch.distance_ppm(&logits, width) <= most / 2
                    }
                    _ => true,
                };
                is_near.then_some((digest, kept))
            }
        }
    }
}

/// The file with what was kept.
pub(crate) fn kept_file(kept: &[KeptOutput]) -> String {
    let header = serde_json::to_string(&KeptHeader::current()).unwrap();
    let lines = kept.iter().map(|kept| serde_json::to_string(kept).unwrap());
    std::iter::once(header).chain(lines).map(|line| line + "\n").collect()
}
