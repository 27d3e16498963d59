/** The rooms of src/ and the arrows between them, as docs/architecture.md draws them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const src = join(import.meta.dirname, '../../src');

type Room =
  | 'operator'
  | 'cli'
  | 'agent'
  | 'controllers'
  | 'decide'
  | 'worker'
  | 'kube'
  | 'archive'
  | 'tape'
  | 'devices'
  | 'posix'
  | 'api';

/** What each room may import; `types:` only for the compiler. Whatever is not here is forbidden. */
const arrows: Readonly<Record<Room, readonly (Room | `types:${Room}`)[]>> = {
  operator: ['controllers', 'decide', 'devices', 'kube', 'api'],
  cli: ['decide', 'archive', 'tape', 'devices', 'kube', 'api'],
  agent: ['kube', 'api', 'posix'],
  controllers: ['decide', 'archive', 'devices', 'kube', 'api', 'posix'],
  worker: ['archive', 'tape', 'devices', 'kube', 'api', 'posix'],
  decide: ['api', 'types:kube'],
  tape: ['devices', 'posix'],
  archive: ['posix'],
  devices: ['posix'],
  api: ['types:kube'],
  kube: [],
  posix: [],
};

/** The processes begin here; with what belongs to a main where that would be too long for one file. */
const mains = [
  'operator/main.ts',
  'operator/wire.ts',
  'agent/main.ts',
  'worker/main.ts',
  'worker/run.ts',
  'worker/open-log.ts',
  'cli/main.ts',
];

interface Import {
  readonly from: string;
  /** Path below src/, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** Of this program, not of a package. */
  readonly own: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .toSorted();

const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(join(src, file), 'utf8'), ts.ScriptTarget.ES2024, true);

const importsOf = (file: string): readonly Import[] => {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const own = specifier.text.startsWith('.');
    found.push({
      from: file,
      to: own ? normalize(join(dirname(file), specifier.text)) : specifier.text,
      typeOnly,
      own,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found;
};

const isTypeImport = (clause: ts.ImportClause | undefined): boolean => {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
};

const imports = files.flatMap(importsOf);
const roomOf = (path: string): string => path.split('/')[0] ?? '';
const isRoom = (name: string): name is Room => name in arrows;
const say = ({ from, to }: Import): string => `${from} imports ${to}`;

const isAllowed = ({ from, to, typeOnly }: Import): boolean => {
  const [room, other] = [roomOf(from), roomOf(to)];
  // The package's own version is what a main may look up.
  if (to === '../package.json') return mains.includes(from);
  if (!isRoom(room) || !isRoom(other)) return false;
  return room === other || arrows[room].includes(other) || (typeOnly && arrows[room].includes(`types:${other}`));
};

describe('the rooms', () => {
  it('are those that the arrows name', () => {
    expect([...new Set(files.map(roomOf))].toSorted()).toEqual(Object.keys(arrows).toSorted());
  });

  it('import along the arrows only', () => {
    expect(imports.filter((one) => one.own && !isAllowed(one)).map(say)).toEqual([]);
  });

  it('form no circle', () => {
    const below = (room: Room): readonly Room[] =>
      arrows[room].map((arrow) => arrow.replace('types:', '')).filter((name) => isRoom(name));
    const reaches = (room: Room, goal: Room, seen: ReadonlySet<Room> = new Set()): boolean =>
      below(room).some((next) => next === goal || (!seen.has(next) && reaches(next, goal, new Set([...seen, next]))));
    expect(Object.keys(arrows).filter((room) => isRoom(room) && reaches(room, room))).toEqual([]);
  });

  it('know of Kubernetes only where that is their business', () => {
    const apart = ['archive', 'tape', 'devices', 'posix'];
    const clients = imports.filter(({ from, to }) => apart.includes(roomOf(from)) && to.startsWith('@kubernetes/'));
    expect(clients.map(say)).toEqual([]);
  });
});

describe('the mains', () => {
  it('exist', () => {
    expect(mains.filter((main) => !files.includes(main))).toEqual([]);
  });

  it('alone reach for the API server, for the log and for a name to sign in with', () => {
    const constructed = ['kube/rest-api.ts', 'kube/kube-config.ts', 'pino'];
    const elsewhere = imports.filter(
      ({ from, to, typeOnly }) =>
        constructed.includes(to) && !typeOnly && !mains.includes(from) && roomOf(from) !== 'kube',
    );
    expect(elsewhere.map(say)).toEqual([]);
  });

  it('are imported by nobody else', () => {
    const wanted = imports.filter(({ from, to }) => /(^|\/)main\.ts$/.test(to) && roomOf(from) !== roomOf(to));
    expect(wanted.map(say)).toEqual([]);
  });
});

describe('decisions', () => {
  const uses = (file: string, pattern: RegExp): readonly string[] => {
    const source = parse(file);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      const text = ts.isCallExpression(node) || ts.isNewExpression(node) ? node.getText(source) : '';
      if (pattern.test(text)) found.push(`${file}: ${text.slice(0, 40)}`);
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  };

  it('come from their arguments alone: no packages, no files, no processes', () => {
    expect(imports.filter(({ from, own }) => roomOf(from) === 'decide' && !own).map(say)).toEqual([]);
  });

  it.each(['decide', 'controllers', 'tape'])('and waiting take time and chance from outside: %s', (room) => {
    const guesses =
      /^(Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|setTimeout\(|setInterval\(|process\.)/;
    expect(files.filter((file) => roomOf(file) === room).flatMap((file) => uses(file, guesses))).toEqual([]);
  });
});
