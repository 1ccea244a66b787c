# One model, fitted once for each line on standard input; "ready", then "done SECONDS" for each, coefficients written.
# Rscript fit.R FOLDER HOW FAMILY RIDGE TOL: FOLDER holds raw arrays, HOW is "glm", "strength" or "path".
given <- commandArgs(TRUE)
folder <- given[1]; how <- given[2]; family <- given[3]; ridge <- as.numeric(given[4]); tol <- as.numeric(given[5])
read <- function(name, what = "double") {
  path <- file.path(folder, name)
  if (file.exists(path)) readBin(path, what, file.size(path) / ifelse(what == "double", 8, 4)) else NULL
}
size <- read("size", "integer")
y <- read("y"); weight <- read("weight"); offset <- read("offset")
if (is.null(weight)) weight <- rep(1, size[1])
X <- if (file.exists(file.path(folder, "indptr"))) {
  library(Matrix)
  new("dgCMatrix", i = read("indices", "integer"), p = read("indptr", "integer"), x = read("data"), Dim = size)
} else matrix(read("X"), size[1], size[2])

if (how == "glm") {
  kind <- switch(family, poisson = poisson(), bernoulli = binomial(), gamma = Gamma("log"),
                 tweedie = statmod::tweedie(var.power = 1.5, link.power = 0))
  control <- glm.control(epsilon = 1e-14, maxit = 100)
  once <- function() glm.fit(X, y, weights = weight, offset = offset, family = kind, control = control)$coefficients
} else {
  library(glmnet, quietly = TRUE)
  kind <- switch(family, poisson = "poisson", bernoulli = "binomial", categorical = "multinomial")
  response <- if (family == "poisson") y else factor(y)
  glmnet.control(fdev = 0, devmax = 1)
  strengths <- if (how == "path") ridge * 10^seq(4, 0, by = -0.5) else ridge
  once <- function() {
    fit <- glmnet(X, response, family = kind, alpha = 0, lambda = strengths, standardize = FALSE, weights = weight,
                  offset = offset, thresh = tol^2, maxit = 1e6)
    if (fit$jerr != 0) stop("glmnet gave up, code ", fit$jerr)
    if (family == "categorical") sapply(coef(fit, s = ridge), as.numeric) else as.numeric(coef(fit, s = ridge))
  }
}

lines <- file("stdin"); open(lines)
cat("ready\n"); flush(stdout())
while (length(readLines(lines, n = 1)) > 0) {
  gc()
  took <- system.time(answer <- suppressWarnings(once()))[["elapsed"]]
  writeBin(as.double(answer), file.path(folder, "coef"))
  cat("done", took, "\n"); flush(stdout())
}
