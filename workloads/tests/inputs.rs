//! Inputs depend on the seed alone, and use ordinary tokens between the special ones.

use proofmark_workloads::{Digest, Input, embedded, self_check_seed};

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
