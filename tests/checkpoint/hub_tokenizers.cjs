// hub_tokenizers.cjs FOLDER CASES.json: the tokenizer of a folder, read by Hugging Face's library, must cut the texts
// of a golden into its ids, and join them again. Needs NODE_PATH.
const fs = require("fs");
const { Tokenizer } = require("@huggingface/tokenizers");

const [folder, cases] = process.argv.slice(2);
const read = (path) => JSON.parse(fs.readFileSync(path, "utf8"));
const tokenizer = new Tokenizer(read(folder + "tokenizer.json"), read(folder + "tokenizer_config.json"));
let compared = 0;
let different = 0;
for (const { text, ids, decoded } of read(cases).encode) {
  // Tags that stand in a text are one piece each there, and this library has a character map of its own, which takes
  // joiners of no width for spaces.
  if (/<\w+-\w+>|\u200d/.test(text)) continue;
  const { ids: found } = tokenizer.encode(text, { add_special_tokens: false });
  const known = !found.includes(0);  // which SentencePiece shows as " \u2047 "
  const joined = known && found.length ? tokenizer.decode(found) : "";
  compared += 1;
  if (JSON.stringify(found) === JSON.stringify(ids) && joined === (known ? decoded : "")) continue;
  different += 1;
  console.log(JSON.stringify({ text, found, ids, joined, decoded }));
}
console.log(`${compared - different} of ${compared} texts are cut alike`);
process.exit(different === 0 && compared > 0 ? 0 : 1);
