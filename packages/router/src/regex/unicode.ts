import { CharSet, type Ranges } from "./char-set.js";

/** General categories that RE2 knows. */
const categories =
  "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs";

/** Scripts that RE2 knows, as of its Unicode 15 tables. */
const scripts = `Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo
Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform
Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian
Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana
Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi
Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam
Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi
Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki
Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage
Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian
Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet
Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi
Zanabazar_Square`;

const known: ReadonlyMap<string, string> = new Map([
  ...categories.split(" ").map((name) => [name, `\\p{gc=${name}}`] as const),
  ...scripts.split(/\s/).map((name) => [name, ""] as const),
]);

/** Only these scripts have characters below 0x100. */
const withBytes: Readonly<Record<string, string>> = { Common: "\\p{Script=Common}", Latin: "\\p{Script=Latin}" };

/** The bytes of a Unicode group in Latin-1, where most groups have none; `undefined` if RE2 does not know the name. */
export function unicodeGroup(name: string): Ranges | undefined {
  if (name === "Any") return [0, 255];
  const category = known.get(name);
  if (category === undefined) return undefined;
  const pattern = category === "" ? (Object.hasOwn(withBytes, name) ? withBytes[name] : undefined) : category;
  if (pattern === undefined) return [];
  const test = new RegExp(pattern, "u");
  const set = new CharSet();
  for (let byte = 0; byte < 256; byte++) if (test.test(String.fromCharCode(byte))) set.add(byte, byte);
  return set.toRanges();
}

const digit: Ranges = [48, 57];
const space: Ranges = [9, 10, 12, 13, 32, 32];
const word: Ranges = [48, 57, 65, 90, 95, 95, 97, 122];

/** `\d`, `\s`, `\w`; the capital is the others. */
export function perlGroup(letter: string): { readonly ranges: Ranges; readonly sign: boolean } | undefined {
  const sign = letter >= "a";
  switch (letter.toLowerCase()) {
    case "d":
      return { ranges: digit, sign };
    case "s":
      return { ranges: space, sign };
    case "w":
      return { ranges: word, sign };
    default:
      return undefined;
  }
}

const posix: Readonly<Record<string, Ranges>> = {
  alnum: [48, 57, 65, 90, 97, 122],
  alpha: [65, 90, 97, 122],
  ascii: [0, 127],
  blank: [9, 9, 32, 32],
  cntrl: [0, 31, 127, 127],
  digit,
  graph: [33, 126],
  lower: [97, 122],
  print: [32, 126],
  punct: [33, 47, 58, 64, 91, 96, 123, 126],
  space: [9, 13, 32, 32],
  upper: [65, 90],
  word,
  xdigit: [48, 57, 65, 70, 97, 102],
};

/** `[:alpha:]` and its kin, by name without the colons. */
export function posixGroup(name: string): Ranges | undefined {
  return Object.hasOwn(posix, name) ? posix[name] : undefined;
}
