//! Inputs depend on the seed alone, and use ordinary tokens between the special ones.

use proofmark_workloads::{Digest, FigureKind, Input, Quality, Task, embedded, self_check_seed};

#[test]
fn inputs_have_the_sizes_of_their_shape_and_stay_in_the_vocabulary() {
    for workload in embedded().iter().flat_map(|suite| &suite.workloads) {
        let (sequences, special) = match workload.input(self_check_seed()) {
            Input::Generation { prompts, output_tokens } => {
                assert_eq!(prompts[0].len() + output_tokens as usize, workload.shape.positions() as usize);
                (prompts, 1)
            }
            Input::Encoder { sequences, token_types } => {
                assert_eq!(token_types.len(), workload.shape.positions() as usize);
                (sequences, 3)
            }
            Input::ImageText { texts, .. } => {
                assert_eq!(texts[0].len(), workload.shape.positions() as usize);
                (texts, 2)
            }
            Input::Images(_) | Input::Speech { .. } => continue,
        };
        let tokens = workload.model.tokens.as_ref().unwrap();
        assert_eq!(sequences.len(), workload.shape.batch() as usize);
        for sequence in &sequences {
            assert_eq!(sequence.len(), sequences[0].len());
            assert_eq!(sequence[0], tokens.start);
            let ordinary = sequence.iter().filter(|id| tokens.ordinary.contains(id)).count();
            assert!(ordinary + special >= sequence.len(), "{}", workload.id);
        }
    }
}

#[test]
fn another_seed_gives_another_input_and_the_same_seed_the_same() {
    for workload in &embedded()[0].workloads {
        let (first, second) = (Digest::of(b"1"), Digest::of(b"2"));
        assert_eq!(workload.input(first), workload.input(first));
        assert_ne!(workload.input(first), workload.input(second));
    }
}

#[test]
fn reranking_shares_one_query_among_its_documents() {
    let suite = &embedded()[0];
    let workload = suite.workload("rerank-tinybert-exact-f32").unwrap();
    let Input::Encoder { sequences, token_types } = workload.input(self_check_seed()) else {
        panic!("no pairs")
    };
    let query = token_types.iter().filter(|segment| **segment == 0).count();
    assert!(sequences.iter().all(|pair| pair[..query] == sequences[0][..query]));
    assert_ne!(sequences[0][query..], sequences[1][query..]);
}

/// A token for each byte.
fn bytes(text: &str) -> Result<Vec<u32>, String> {
    Ok(text.bytes().map(u32::from).collect())
}

#[test]
fn inputs_of_text_have_the_length_of_those_of_tokens_and_say_something() {
    let suites = embedded();
    for workload in suites.iter().flat_map(|suite| &suite.workloads) {
        let (seed, other) = (self_check_seed(), Digest::of(b"other"));
        let text = workload.text_input(seed, bytes).unwrap();
        assert_eq!(workload.text_input(seed, bytes).unwrap(), text, "{}", workload.id);
        assert_ne!(workload.text_input(other, bytes).unwrap(), text, "{}", workload.id);
        let lengths = |input: &Input| match input {
            Input::Generation { prompts: texts, .. }
            | Input::Encoder { sequences: texts, .. }
            | Input::ImageText { texts, .. } => texts.iter().map(Vec::len).collect(),
            Input::Images(_) | Input::Speech { .. } => Vec::new(),
        };
        assert_eq!(lengths(&text), lengths(&workload.input(seed)), "{}", workload.id);
        if let Input::Generation { prompts, .. } = text {
            let said: String = prompts[0][1..].iter().map(|token| *token as u8 as char).collect();
            assert!(said.split(' ').count() > said.len() / 12, "{said}");
        }
    }
}

#[test]
fn a_tokenizer_that_makes_too_few_tokens_is_asked_for_more_text_and_then_refused() {
    let suite = &embedded()[0];
    let workload = suite.workload("chat-15m-exact-f32").unwrap();
    // One token for ten words.
    let rare =
        |text: &str| Ok::<_, String>(text.split(' ').step_by(10).map(|word| word.len() as u32).collect());
    let Input::Generation { prompts, .. } = workload.text_input(self_check_seed(), rare).unwrap() else {
        panic!("another task")
    };
    let Input::Generation { prompts: of_tokens, .. } = workload.input(self_check_seed()) else {
        panic!("another task")
    };
    assert_eq!(prompts[0].len(), of_tokens[0].len());
    let none =
        workload.text_input(self_check_seed(), |_| Ok::<_, String>(Vec::new())).unwrap_err().to_string();
    assert!(none.starts_with("the tokenizer makes 0 tokens of "), "{none}");
    let refused = workload.text_input(self_check_seed(), |_| Err("no".to_owned())).unwrap_err();
    assert_eq!(refused.to_string(), "no");
}

#[test]
fn the_fixed_questions_fit_every_model_and_are_as_many_as_the_task_says() {
    for workload in embedded().iter().flat_map(|suite| &suite.workloads) {
        let inputs = workload.quality_inputs(bytes).unwrap();
        let task = workload.shape.task();
        let expected = match task {
            Task::Embedding => 6,
            Task::Reranking | Task::ImageTextSimilarity => 2,
            _ => 1,
        };
        assert_eq!(inputs.len(), expected, "{}", workload.id);
        for input in &inputs {
            let texts = match input {
                Input::Generation { prompts: texts, .. }
                | Input::Encoder { sequences: texts, .. }
                | Input::ImageText { texts, .. } => &texts[..],
                Input::Images(_) | Input::Speech { .. } => &[],
            };
            let most = workload.model.architecture.positions().unwrap_or(0);
            assert!(texts.iter().all(|text| text.len() > 4 && text.len() as u64 <= most), "{}", workload.id);
            if let Input::Encoder { sequences, token_types } = input {
                assert_eq!(sequences[0].len(), token_types.len());
            }
        }
    }
}

#[test]
fn figures_agree_within_their_tolerance_and_choices_alone_when_equal() {
    let quality = Quality { figures: vec![1], tolerance_ppm: 10_000 };
    let agrees = |stated, found| quality.agrees(FigureKind::Number, stated, found);
    // A hundredth of one, or of the figure where it is larger.
    assert!(agrees(500_000, 510_000) && !agrees(500_000, 510_001));
    assert!(agrees(-5_000_000, -5_050_000) && !agrees(-5_000_000, -4_949_999));
    assert!(!agrees(i64::MIN, i64::MAX) && agrees(i64::MAX, i64::MAX));
    assert!(quality.agrees(FigureKind::Choice, 950, 950) && !quality.agrees(FigureKind::Choice, 950, 951));
}
