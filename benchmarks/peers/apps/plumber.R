# The rpart tree of examples/iris-r behind plumber: Rscript plumber.R iris.csv model.R PORT

arguments <- commandArgs(trailingOnly = TRUE)
source(arguments[[2]])

known <- read.csv(arguments[[1]], check.names = FALSE)[1:100, ]
model <- train(known[1:4], factor(known$species))

predict_rows <- function(req) {
  list(result = as.character(predict(model, req$body, type = "class")))
}

router <- plumber::pr()
router <- plumber::pr_post(router, "/predict", predict_rows)
plumber::pr_run(router, host = "127.0.0.1", port = as.integer(arguments[[3]]), docs = FALSE, quiet = TRUE)
