/** What the rules must know of a source file, read from its syntax tree. */

import {
  type BindingPattern,
  type Directive,
  type Node,
  type ParamPattern,
  parseSync,
  type Statement,
  visitorKeys,
} from 'oxc-parser';

export type Import = { readonly specifier: string; readonly typeOnly: boolean; readonly line: number };

export type Mention = { readonly name: string; readonly line: number };

export type Source = {
  readonly imports: readonly Import[];
  /** Identifiers and keywords used as values, and `a.b` for a member of a plain name; what the file itself declares by that name is left out. */
  readonly mentions: readonly Mention[];
  readonly defaultExports: readonly number[];
  /** Lines of `let` and `var` outside of any function. */
  readonly moduleVariables: readonly number[];
  /** Every statement passes on what another file exports. */
  readonly isBarrel: boolean;
};

/** Throws where the text is no TypeScript. */
export function readSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`);
  const line = ({ start }: Pick<Node, 'start'>): number => text.slice(0, start).split('\n').length;
  const imports: Import[] = [];
  const mentions: Mention[] = [];
  const declared = new Set<string>();

  visit(program, (node, isValue) => {
    const found = importOf(node);
    if (found !== null) imports.push({ ...found, line: line(node) });
    const name = mentionOf(node, isValue);
    if (name !== null) mentions.push({ name, line: line(node) });
    for (const name of declaredBy(node)) declared.add(name);
  });

  const { body } = program;
  return {
    imports,
    mentions: mentions.filter(({ name }) => !declared.has(name.split('.')[0] ?? name)),
    defaultExports: body.filter(isDefaultExport).map(line),
    moduleVariables: body.filter(isModuleVariable).map(line),
    isBarrel: body.length > 0 && body.every(isPassedOn),
  };
}

/** `isValue`: it does not only say what a member, a declaration or a type is called. */
function visit(node: Node, look: (node: Node, isValue: boolean) => void, isValue = true): void {
  look(node, isValue);
  const children = node as unknown as Readonly<Record<string, Node | null | readonly (Node | null)[]>>;
  const computed = 'computed' in node && node.computed;
  for (const key of visitorKeys[node.type] ?? []) {
    const isName = names.has(`${node.type}.${key}`) && !computed;
    for (const child of [children[key] ?? []].flat()) if (child !== null) visit(child, look, !isName);
  }
}

const names: ReadonlySet<string> = new Set([
  'MemberExpression.property',
  'MetaProperty.meta',
  'MetaProperty.property',
  'Property.key',
  'PropertyDefinition.key',
  'MethodDefinition.key',
  'ImportSpecifier.imported',
  'ImportSpecifier.local',
  'TSPropertySignature.key',
  'TSMethodSignature.key',
  'TSImportType.qualifier',
  'TSQualifiedName.right',
  'TSTypeReference.typeName',
  'TSTypePredicate.parameterName',
  'TSTypeAliasDeclaration.id',
]);

function importOf(node: Node): Omit<Import, 'line'> | null {
  switch (node.type) {
    case 'ImportDeclaration': {
      const { source, importKind, specifiers } = node;
      const types = specifiers.filter((each) => each.type === 'ImportSpecifier' && each.importKind === 'type');
      const typeOnly = importKind === 'type' || (types.length > 0 && types.length === specifiers.length);
      return { specifier: source.value, typeOnly };
    }
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source === null ? null : { specifier: node.source.value, typeOnly: node.exportKind === 'type' };
    case 'ImportExpression':
      return { specifier: textOf(node.source), typeOnly: false };
    case 'CallExpression':
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'require') return null;
      return { specifier: textOf(node.arguments[0]), typeOnly: false };
    case 'TSImportType':
      return { specifier: node.source.value, typeOnly: true };
    default:
      return null;
  }
}

function textOf(node: Node | undefined): string {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  const [only, more] = node?.type === 'TemplateLiteral' ? node.quasis : [];
  return only !== undefined && more === undefined ? (only.value.cooked ?? '') : '(computed)';
}

function mentionOf(node: Node, isValue: boolean): string | null {
  if ('async' in node && node.async) return 'async';
  if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await)) return 'await';
  if (node.type === 'MemberExpression' && !node.computed && node.object.type === 'Identifier')
    return `${node.object.name}.${node.property.name}`;
  return node.type === 'Identifier' && isValue ? node.name : null;
}

function declaredBy(node: Node): readonly string[] {
  if (node.type === 'VariableDeclarator') return namesIn(node.id);
  if (node.type === 'CatchClause') return node.param === null ? [] : namesIn(node.param);
  if (!('params' in node) || !('returnType' in node)) return [];
  const own = node.type === 'FunctionDeclaration' && node.id !== null ? [node.id.name] : [];
  return [...own, ...node.params.flatMap(namesIn)];
}

function namesIn(pattern: BindingPattern | ParamPattern): readonly string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((each) => namesIn(each.type === 'Property' ? each.value : each));
    case 'ArrayPattern':
      return pattern.elements.flatMap((each) => (each === null ? [] : namesIn(each)));
    case 'AssignmentPattern':
      return namesIn(pattern.left);
    case 'RestElement':
      return namesIn(pattern.argument);
    case 'TSParameterProperty':
      return namesIn(pattern.parameter);
  }
}

function isDefaultExport(statement: Directive | Statement): boolean {
  if (statement.type === 'ExportDefaultDeclaration' || statement.type === 'TSExportAssignment') return true;
  if (statement.type !== 'ExportNamedDeclaration') return false;
  return statement.specifiers.some(({ exported }) => exported.type === 'Identifier' && exported.name === 'default');
}

function isModuleVariable(statement: Directive | Statement): boolean {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  return declaration?.type === 'VariableDeclaration' && declaration.kind !== 'const' && declaration.declare !== true;
}

const isPassedOn = (statement: Directive | Statement): boolean =>
  statement.type === 'ExportAllDeclaration' || (statement.type === 'ExportNamedDeclaration' && statement.source !== null);
