# Rides a day by date, weather, temperature and wind: a linear model with a wave a year.
#
# x$day is a Date and x$weather a factor, since runner.yaml declares them. Where temperature or wind is NA,
# the median of the days of the fit stands in; train() therefore returns more than the lm.

prepared <- function(x, medians) {
  season <- 2 * pi * as.POSIXlt(x$day)$yday / 365.25
  for (name in names(medians)) x[[name]][is.na(x[[name]])] <- medians[[name]]
  data.frame(
    weather = x$weather, temperature = x$temperature, wind = x$wind,
    weekend = format(x$day, "%u") %in% c("6", "7"),
    winter = cos(season), spring = sin(season)
  )
}

train <- function(x, y) {
  medians <- lapply(x[c("temperature", "wind")], median, na.rm = TRUE)
  list(medians = medians, lm = lm(y ~ ., data = prepared(x, medians)))
}

predict <- function(model, newdata) stats::predict(model$lm, prepared(newdata, model$medians))
