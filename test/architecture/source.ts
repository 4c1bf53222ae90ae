/** What the rules must know of a source file, read from its syntax tree. */

import ts from 'typescript';

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

export function readSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const line = (node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
  const imports: Import[] = [];
  const mentions: Mention[] = [];
  const declared = new Set<string>();

  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found !== null) imports.push({ ...found, line: line(node) });
    const name = mentionOf(node);
    if (name !== null) mentions.push({ name, line: line(node) });
    if (isDeclaration(node) && node.name !== undefined && ts.isIdentifier(node.name)) declared.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(file);

  return {
    imports,
    mentions: mentions.filter(({ name }) => !declared.has(name.split('.')[0] ?? name)),
    defaultExports: file.statements.filter(isDefaultExport).map(line),
    moduleVariables: file.statements.filter(isModuleVariable).map(line),
    isBarrel:
      file.statements.length > 0 &&
      file.statements.every((statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined),
  };
}

function importOf(node: ts.Node): Omit<Import, 'line'> | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return {
      specifier: node.moduleSpecifier.text,
      typeOnly: node.importClause !== undefined && bringsTypesOnly(node.importClause),
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly };
  }
  if (
    ts.isCallExpression(node) &&
    (node.expression.kind === ts.SyntaxKind.ImportKeyword || isNamed(node.expression, 'require'))
  ) {
    const [argument] = node.arguments;
    return {
      specifier: argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : '(computed)',
      typeOnly: false,
    };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, typeOnly: true };
  }
  return null;
}

function bringsTypesOnly(clause: ts.ImportClause): boolean {
  if (clause.isTypeOnly) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly);
}

function mentionOf(node: ts.Node): string | null {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return 'await';
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) return `${node.expression.text}.${node.name.text}`;
  return ts.isIdentifier(node) && isValue(node) ? node.text : null;
}

const isDeclaration = (
  node: ts.Node,
): node is ts.VariableDeclaration | ts.ParameterDeclaration | ts.BindingElement | ts.FunctionDeclaration =>
  ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node) || ts.isFunctionDeclaration(node);

/** Names of members, of declarations and of types are not uses of what they are called. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent))
    return ('expression' in parent ? parent.expression : parent.left) === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent))
    return parent.name !== node;
  if (ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent) || ts.isImportSpecifier(parent)) return false;
  return !ts.isTypeReferenceNode(parent) && !ts.isTypePredicateNode(parent) && !ts.isTypeAliasDeclaration(parent);
}

const isNamed = (node: ts.Node, name: string): boolean => ts.isIdentifier(node) && node.text === name;

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  if (ts.isExportDeclaration(statement) && statement.exportClause !== undefined && ts.isNamedExports(statement.exportClause)) {
    return statement.exportClause.elements.some((element) => element.name.text === 'default');
  }
  return (
    ts.canHaveModifiers(statement) && (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
  );
}

function isModuleVariable(statement: ts.Statement): boolean {
  return (
    ts.isVariableStatement(statement) &&
    (statement.declarationList.flags & ts.NodeFlags.BlockScoped) !== ts.NodeFlags.Const &&
    !isAmbient(statement)
  );
}

const isAmbient = (statement: ts.VariableStatement): boolean =>
  (statement.modifiers ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword);
