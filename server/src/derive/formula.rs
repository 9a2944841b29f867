//! Formulas in CEL over the names of the inputs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, Env, ExecutionError, Program, Value};

/// The longest formula, in bytes, and the deepest nesting that the parser is given.
const MOST_BYTES: usize = 2_000;

/// A formula that is ready to be computed.
#[derive(Clone)]
pub struct Formula {
    text: Arc<str>,
    expression: Arc<IdedExpr>,
    env: Arc<Env>,
}

/// Why a formula gave no number.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FormulaError {
    #[error("it divides by zero")]
    DivisionByZero,
    #[error("it gives {0}, not a number")]
    NoNumber(String),
    #[error("{0}")]
    Wrong(String),
}

impl Formula {
    /// Reads a formula over inputs of these names. Whole numbers in it are numbers like all others: `100 * a`.
    ///
    /// # Errors
    /// Where it is no formula, names what is no input, or does not do without those that are optional.
    pub fn compile(text: &str, inputs: &BTreeSet<&str>, optional: &BTreeSet<&str>) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("it has {} bytes; at most {MOST_BYTES} are read", text.len()));
        }
        let program = Program::compile(text).map_err(|errors| {
            let first = errors.errors.first();
            first.map_or_else(
                || "it is no CEL expression".to_owned(),
                |error| format!("at character {}: {}", error.pos.1, error.msg.replace('\n', " ")),
            )
        })?;
        let mut named = BTreeSet::new();
        free_names(program.expression(), &mut Vec::new(), &mut named);
        if let Some(name) = named.difference(inputs).next() {
            let near = crate::config::suggestion(name, inputs.iter().copied());
            return Err(format!("it names '{name}', which is no input{near}"));
        }
        if let Some(unused) = inputs.difference(&named).next() {
            return Err(format!("it does not name the input '{unused}'; use it, or leave it out of the inputs"));
        }
        let mut expression = program.expression().clone();
        make_numbers(&mut expression);
        let formula = Self { text: text.into(), expression: Arc::new(expression), env: Arc::new(Env::stdlib()) };
        let try_with = |is_there: &dyn Fn(&str) -> bool| {
            let tried: Vec<_> = inputs.iter().map(|name| (*name, is_there(name).then_some(1.0))).collect();
            formula.compute(&tried).map(drop).or_else(|error| match error {
                FormulaError::DivisionByZero => Ok(()),
                error => Err(error.to_string()),
            })
        };
        try_with(&|_| true).map_err(|error| format!("tried with every input at 1: {error}"))?;
        if let Some(name) = optional.first() {
            try_with(&|name| !optional.contains(name)).map_err(|error| {
                format!("tried without its optional inputs: {error}; write {name} == null ? 0 : {name}, for instance")
            })?;
        }
        Ok(formula)
    }

    /// The number that it gives for the values of the inputs; those that there are none of are `null`.
    ///
    /// # Errors
    /// When it gives no finite number.
    pub fn compute(&self, inputs: &[(&str, Option<f64>)]) -> Result<f64, FormulaError> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for (name, value) in inputs {
            context.add_variable_from_value(*name, value.map_or(Value::Null, Value::Float));
        }
        match Value::resolve(&self.expression, &context) {
            Ok(Value::Float(number)) if number.is_finite() => Ok(number),
            // Floating point has no error for it, and no number either.
            Ok(Value::Float(_)) => Err(FormulaError::DivisionByZero),
            Ok(Value::Int(number)) => Ok(number as f64),
            Ok(Value::UInt(number)) => Ok(number as f64),
            Ok(other) => Err(FormulaError::NoNumber(format!("{other:?}"))),
            Err(ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_)) => {
                Err(FormulaError::DivisionByZero)
            }
            Err(error) => Err(FormulaError::Wrong(error.to_string())),
        }
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Formula({})", self.text)
    }
}

/// CEL keeps whole numbers and others apart; here all are of one kind, except where a list is indexed.
fn make_numbers(node: &mut IdedExpr) {
    match &mut node.expr {
        Expr::Literal(LiteralValue::Int(whole)) => {
            let number = *whole.inner() as f64;
            node.expr = Expr::Literal(LiteralValue::Double(number.into()));
        }
        Expr::Call(call) => {
            let indexes = call.func_name.contains("[_]");
            call.target.iter_mut().for_each(|target| make_numbers(target));
            let numbers = if indexes { 1 } else { call.args.len() };
            call.args.iter_mut().take(numbers).for_each(make_numbers);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(make_numbers),
        Expr::Select(select) => make_numbers(&mut select.operand),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| make_entry(&mut entry.expr)),
        Expr::Struct(of) => of.entries.iter_mut().for_each(|entry| make_entry(&mut entry.expr)),
        Expr::Comprehension(comprehension) => {
            let all = &mut **comprehension;
            for part in
                [&mut all.iter_range, &mut all.accu_init, &mut all.loop_cond, &mut all.loop_step, &mut all.result]
            {
                make_numbers(part);
            }
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

/// The names that an expression takes from outside; `bound` are those that it gives itself.
fn free_names<'e>(node: &'e IdedExpr, bound: &mut Vec<&'e str>, into: &mut BTreeSet<&'e str>) {
    match &node.expr {
        Expr::Ident(name) if !bound.contains(&name.as_str()) => drop(into.insert(name)),
        Expr::Call(call) => {
            call.target.iter().for_each(|target| free_names(target, bound, into));
            call.args.iter().for_each(|argument| free_names(argument, bound, into));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| free_names(element, bound, into)),
        Expr::Select(select) => free_names(&select.operand, bound, into),
        Expr::Map(map) => map.entries.iter().for_each(|entry| free_names_of_entry(&entry.expr, bound, into)),
        Expr::Struct(of) => of.entries.iter().for_each(|entry| free_names_of_entry(&entry.expr, bound, into)),
        Expr::Comprehension(all) => {
            free_names(&all.iter_range, bound, into);
            free_names(&all.accu_init, bound, into);
            let before = bound.len();
            bound.extend([all.iter_var.as_str(), all.accu_var.as_str()].into_iter().chain(all.iter_var2.as_deref()));
            for part in [&all.loop_cond, &all.loop_step, &all.result] {
                free_names(part, bound, into);
            }
            bound.truncate(before);
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn free_names_of_entry<'e>(entry: &'e EntryExpr, bound: &mut Vec<&'e str>, into: &mut BTreeSet<&'e str>) {
    match entry {
        EntryExpr::StructField(field) => free_names(&field.value, bound, into),
        EntryExpr::MapEntry(entry) => {
            free_names(&entry.key, bound, into);
            free_names(&entry.value, bound, into);
        }
    }
}

fn make_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => make_numbers(&mut field.value),
        EntryExpr::MapEntry(entry) => make_numbers(&mut entry.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(text: &str, inputs: &[(&str, Option<f64>)]) -> Result<f64, String> {
        let names = inputs.iter().map(|(name, _)| *name).collect();
        let optional = inputs.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        let formula = Formula::compile(text, &names, &optional)?;
        formula.compute(inputs).map_err(|error| error.to_string())
    }

    #[test]
    fn a_formula_gives_a_number_or_says_why_not() {
        type Case<'c> = (&'c str, &'c [(&'c str, Option<f64>)], Result<f64, &'c str>);
        let two = [("a", Some(6.0)), ("b", Some(4.0))];
        let lacking = [("a", Some(6.0)), ("b", None)];
        let zero = [("a", Some(6.0)), ("b", Some(0.0))];
        let cases: [Case<'_>; 15] = [
            ("100 * a / b", &two, Ok(150.0)),
            ("100.0 * (a - b) / b", &two, Ok(50.0)),
            ("b == null ? a : a + b", &lacking, Ok(6.0)),
            ("b == null ? a : a + b", &two, Ok(10.0)),
            ("a > 5 && b > 3 ? 1 : 0", &two, Ok(1.0)),
            ("[a, b, 7][1]", &two, Ok(4.0)),
            ("[a, b].map(x, x * 2)[0]", &two, Ok(12.0)),
            ("a / b", &zero, Err("it divides by zero")),
            ("a + b", &lacking, Err("tried without its optional inputs: Unsupported binary operator")),
            ("a > b", &two, Err("tried with every input at 1: it gives Bool(false), not a number")),
            ("a + c", &two, Err("it names 'c', which is no input")),
            ("a", &two, Err("it does not name the input 'b'")),
            ("a +", &two, Err("at character")),
            ("a + b + nonsense(a)", &two, Err("tried with every input at 1: Undeclared reference to 'nonsense'")),
            ("", &[], Err("at character")),
        ];
        for (text, inputs, expected) in cases {
            match (computed(text, inputs), expected) {
                (Ok(number), Ok(expected)) => assert!((number - expected).abs() < 1e-9, "{text}: {number}"),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
                (got, expected) => panic!("{text}: {got:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_long_or_deep_formula_is_refused() {
        let inputs = BTreeSet::from(["a"]);
        let long = format!("a{}", " + a".repeat(600));
        assert!(Formula::compile(&long, &inputs, &BTreeSet::new()).unwrap_err().contains("at most 2000 are read"));
        let deep = format!("{}a{}", "(".repeat(900), ")".repeat(900));
        assert!(Formula::compile(&deep, &inputs, &BTreeSet::new()).is_err());
    }
}
