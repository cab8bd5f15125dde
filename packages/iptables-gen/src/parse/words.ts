/** Splits a line of a save text into words: blanks separate, double quotes hold together, a backslash takes the next character. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let open = false;
  let started = false;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (char === "\\" && open) {
      i++;
      word += line.charAt(i);
    } else if (char === '"') {
      open = !open;
      started = true;
    } else if (!open && (char === " " || char === "\t")) {
      if (started || word !== "") words.push(word);
      word = "";
      started = false;
    } else {
      word += char;
    }
  }
  if (started || word !== "") words.push(word);
  return words;
}
