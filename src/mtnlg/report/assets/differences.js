// How a text differs from its reference: by words, or by characters where words have no spaces.

// A word, or a character of a script without spaces between words, or an emoji with all of its parts,
// or a mark. Not Intl.Segmenter: its words come from a dictionary that differs among browsers.
const UNSPACED = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`;
const EMOJI = String.raw`\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]*`;
const TOKENS = new RegExp(
  String.raw`(${UNSPACED}\p{M}*|(?:(?!${UNSPACED})[\p{L}\p{M}\p{N}_])+|${EMOJI}(?:\u200d${EMOJI})*|.)(\s*)`,
  "gsu",
);
const MAX_COMPARISONS = 2_000_000; // tokens of the text times tokens of the reference

/** The tokens of a text; joined they give the text, and only their words are compared. */
function tokensOf(text) {
  return [...text.matchAll(TOKENS)].map(([all, word]) => ({ all, word }));
}

/** Lengths of the longest common subsequences of all suffixes of two lists, row by row. */
function commonLengths(left, right) {
  const width = right.length + 1;
  const lengths = new Uint32Array((left.length + 1) * width);
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      const here = row * width + column;
      lengths[here] =
        left[row].word === right[column].word
          ? lengths[here + width + 1] + 1
          : Math.max(lengths[here + width], lengths[here + 1]);
    }
  }
  return lengths;
}

/** Parts [kind, text] of a text compared with its reference, kind "same", "ins" (only in the text) or
 * "del" (only in the reference); null if the two are too long to compare. */
function difference(text, reference) {
  const [inText, inReference] = [tokensOf(text), tokensOf(reference)];
  let start = 0;
  const shorter = Math.min(inText.length, inReference.length);
  while (start < shorter && inText[start].word === inReference[start].word) start++;
  const [left, right] = [inText.slice(start), inReference.slice(start)];
  if (left.length * right.length > MAX_COMPARISONS) return null;
  const lengths = commonLengths(left, right);
  const width = right.length + 1;
  const parts = [];
  const add = (kind, token) => {
    if (parts.at(-1)?.[0] === kind) parts.at(-1)[1] += token.all;
    else parts.push([kind, token.all]);
  };
  for (const token of inText.slice(0, start)) add("same", token);
  let [row, column] = [0, 0];
  while (row < left.length || column < right.length) {
    const here = row * width + column;
    if (row < left.length && column < right.length && left[row].word === right[column].word) {
      add("same", left[row++]);
      column++;
    } else if (row === left.length || (column < right.length && lengths[here + 1] >= lengths[here + width])) {
      add("del", right[column++]);
    } else add("ins", left[row++]);
  }
  return parts;
}

/** The difference from the closest reference. */
function smallestDifference(text, references) {
  const size = (parts) => parts.reduce((sum, [kind, part]) => sum + (kind === "same" ? 0 : part.length), 0);
  const all = references.map((reference) => difference(text, reference)).filter(Boolean);
  return all.reduce((best, parts) => (best && size(best) <= size(parts) ? best : parts), null);
}
