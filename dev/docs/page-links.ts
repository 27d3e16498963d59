/** Links of Markdown pages to each other, and the anchors that GitHub gives to headings. Pure. */

export interface PageLink {
  readonly line: number;
  /** As it is written, without a title. */
  readonly target: string;
}

/** Code is no text: what looks like a link or a heading there is none. */
const proseLines = (page: string): readonly string[] => {
  let within = false;
  return page.split('\n').map((line) => {
    const isFence = /^ *```/.test(line);
    if (isFence) within = !within;
    return isFence || within ? '' : line;
  });
};

export const readLinks = (page: string): readonly PageLink[] =>
  proseLines(page).flatMap((line, index) =>
    [...line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)].map(([, target = '']) => ({
      line: index + 1,
      target,
    })),
  );

const slugOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

/** Of equal headings the second is `name-1`, the third `name-2`. */
export const readAnchors = (page: string): ReadonlySet<string> => {
  const anchors = new Set<string>();
  for (const line of proseLines(page)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading !== undefined) {
      const slug = slugOf(heading);
      let name = slug;
      for (let times = 1; anchors.has(name); times += 1) name = `${slug}-${times}`;
      anchors.add(name);
    }
    for (const [, name = ''] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
  }
  return anchors;
};
