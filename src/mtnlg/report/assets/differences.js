// How a text differs from its reference: by words, or by characters where words have no spaces.

// A word, or a character of a script that has no spaces between words, or an emoji with all of its
// parts, or a mark. Not Intl.Segmenter: its words are of a dictionary, which differs among browsers.
const UNSPACED = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`;
const EMOJI = String.raw`\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]*`;
const PIECES = new RegExp(
  String.raw`(${UNSPACED}\p{M}*|(?:(?!${UNSPACED})[\p{L}\p{M}\p{N}_])+|${EMOJI}(?:\u200d${EMOJI})*|.)(\s*)`,
  "gsu",
);
const MOST_COMPARISONS = 2_000_000; // pieces of one text times pieces of the other

/** The pieces of a text; joined they are the text, and their words alone are compared. */
function piecesOf(text) {
  return [...text.matchAll(PIECES)].map(([all, word]) => ({ all, word }));
}

/** Lengths of the longest common subsequences of all ends of two lists; row by row. */
function commonLengths(mine, theirs) {
  const width = theirs.length + 1;
  const lengths = new Uint32Array((mine.length + 1) * width);
  for (let row = mine.length - 1; row >= 0; row--) {
    for (let column = theirs.length - 1; column >= 0; column--) {
      const here = row * width + column;
      lengths[here] =
        mine[row].word === theirs[column].word
          ? lengths[here + width + 1] + 1
          : Math.max(lengths[here + width], lengths[here + 1]);
    }
  }
  return lengths;
}

/** Parts [kind, text] of a text beside its reference, kind "same", "ins" (only in the text) or "del"
 * (only in the reference); null where the two are too long to be compared. */
function difference(text, reference) {
  const mine = piecesOf(text);
  const theirs = piecesOf(reference);
  let start = 0;
  const least = Math.min(mine.length, theirs.length);
  while (start < least && mine[start].word === theirs[start].word) start++;
  const [own, other] = [mine.slice(start), theirs.slice(start)];
  if (own.length * other.length > MOST_COMPARISONS) return null;
  const lengths = commonLengths(own, other);
  const width = other.length + 1;
  const parts = [];
  const add = (kind, piece) => {
    if (parts.at(-1)?.[0] === kind) parts.at(-1)[1] += piece.all;
    else parts.push([kind, piece.all]);
  };
  for (const piece of mine.slice(0, start)) add("same", piece);
  let [row, column] = [0, 0];
  while (row < own.length || column < other.length) {
    const here = row * width + column;
    if (row < own.length && column < other.length && own[row].word === other[column].word) {
      add("same", own[row++]);
      column++;
    } else if (row === own.length || (column < other.length && lengths[here + 1] >= lengths[here + width])) {
      add("del", other[column++]);
    } else add("ins", own[row++]);
  }
  return parts;
}

/** The difference to the reference that the text has most in common with. */
function leastDifference(text, references) {
  const size = (parts) => parts.reduce((sum, [kind, part]) => sum + (kind === "same" ? 0 : part.length), 0);
  const all = references.map((reference) => difference(text, reference)).filter(Boolean);
  return all.reduce((best, parts) => (best && size(best) <= size(parts) ? best : parts), null);
}
